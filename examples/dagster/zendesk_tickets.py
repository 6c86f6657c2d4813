"""Ticket events of several Zendesk accounts on Dagster: first the history by months, then daily.

`ticket_history` loads one month of one account, `ticket_events_daily` what comes after the last
month. Each run is a `meltano run` of its own. Environment variables say what is loaded:

* ``ZENDESK_ACCOUNTS``: the subdomains, such as ``acme,acme-eu``
* ``BACKFILL_FROM``: the first month, such as ``2024-01``
* ``BACKFILL_UNTIL``: the month after the last one, with which the daily runs begin
* ``ZENDESK_<ACCOUNT>_<SETTING>``: a setting of the tap, such as ``ZENDESK_ACME_EU_CLIENT_ID``;
  only the runs of that account get to see it
* ``MELTANO_PROJECT_ROOT``: the Meltano project, if it is not the current folder

A run that succeeds has loaded its window completely. One that fails goes on where it stopped when
its partition is materialized again.
"""

import os
import re
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from tempfile import TemporaryDirectory

import dagster as dg

PROJECT = Path(os.environ.get("MELTANO_PROJECT_ROOT", ".")).resolve()
ACCOUNTS = os.environ["ZENDESK_ACCOUNTS"].split(",")
PREFIXES = {f"ZENDESK_{name.upper().replace('-', '_')}_": name for name in ACCOUNTS}
FIRST, UNTIL = os.environ["BACKFILL_FROM"], os.environ["BACKFILL_UNTIL"]
DAILY_START = datetime.strptime(UNTIL, "%Y-%m").replace(tzinfo=UTC)
if datetime.now(UTC) < DAILY_START + timedelta(days=1):
    # the tap leaves out what has not settled, and nobody comes back to a month that is done
    raise ValueError("BACKFILL_UNTIL must be a month that began a day ago or earlier")

# A dimension called account gives each run the tag dagster/partition/account. By this tag
# dagster.yaml lets one run at a time have an account, so the daily runs have two dimensions too.
ACCOUNT = dg.StaticPartitionsDefinition(ACCOUNTS)
MONTH = dg.MonthlyPartitionsDefinition(start_date=FIRST, end_date=UNTIL, fmt="%Y-%m")
SINCE = dg.StaticPartitionsDefinition([UNTIL])


@dg.asset(partitions_def=dg.MultiPartitionsDefinition({"account": ACCOUNT, "month": MONTH}))
def ticket_history(context: dg.AssetExecutionContext) -> None:
    """The ticket events of one account and month."""
    account, month = context.partition_key.split("|")
    window = context.partition_time_window
    dates = {"START_DATE": window.start.isoformat(), "END_DATE": window.end.isoformat()}
    meltano_run(context, account, f"{account}-{month}", dates)


@dg.asset(partitions_def=dg.MultiPartitionsDefinition({"account": ACCOUNT, "since": SINCE}))
def ticket_events_daily(context: dg.AssetExecutionContext) -> None:
    """An account's ticket events after the last daily run; the first begins where months end."""
    account, _ = context.partition_key.split("|")
    meltano_run(context, account, account, {"START_DATE": DAILY_START.isoformat()})


@dg.schedule(target=[ticket_events_daily], cron_schedule="15 3 * * *")
def every_day() -> Iterator[dg.RunRequest]:
    """A run for each account, ahead of the months that wait for their turn."""
    for account in ACCOUNTS:
        key = dg.MultiPartitionKey({"account": account, "since": UNTIL})
        yield dg.RunRequest(account, partition_key=key, tags={"dagster/priority": "1"})


definitions = dg.Definitions(assets=[ticket_history, ticket_events_daily], schedules=[every_day])


def meltano_run(
    context: dg.AssetExecutionContext, account: str, suffix: str, dates: dict[str, str]
) -> None:
    """Run the pipeline for an account, with the bookmark of this suffix; its output is logged."""
    command = ["meltano", "--environment=prod", "run", f"--state-id-suffix={suffix}"]
    command += ["tap-zendesk-events", "target-postgres"]
    errors = deque[str](maxlen=10)
    with TemporaryDirectory(prefix="meltano-") as folder:
        # Meltano hands bookmark and catalog to the tap in files of its system folder, which runs
        # at the same time must therefore not share. They do share the project's plugins.
        for plugins in ("extractors", "loaders"):
            Path(folder, plugins).symlink_to(PROJECT / ".meltano" / plugins)
        variables = {**environment(account, dates), "MELTANO_SYS_DIR_ROOT": folder}
        with Popen(
            command, cwd=PROJECT, env=variables, stdout=PIPE, stderr=STDOUT, encoding="utf-8"
        ) as process:
            try:
                for line in process.stdout or ():
                    context.log.info(line.rstrip())
                    errors.extend(re.findall(r"\[error +\] (.+)", line))
            except BaseException:  # the run was terminated: Meltano ends tap and target
                process.terminate()
                raise
    if process.returncode:
        raise dg.Failure("\n".join(errors) or f"meltano: exit status {process.returncode}")


def environment(account: str, dates: dict[str, str]) -> dict[str, str]:
    """Return what all runs share, the account's settings, and no other account's."""
    shared, own = {}, {"SUBDOMAIN": account}
    for name, value in os.environ.items():
        # the longest, because the prefix of acme is the beginning of that of acme-eu
        prefix = max(filter(name.startswith, PREFIXES), key=len, default="")
        if PREFIXES.get(prefix) == account:
            own[name.removeprefix(prefix)] = value
        elif not name.startswith(("ZENDESK_", "TAP_ZENDESK_EVENTS_")):
            shared[name] = value
    return {
        "MELTANO_DATABASE_URI": f"sqlite:///{PROJECT}/.meltano/{account}.db",
        "NO_COLOR": "1",
        **shared,
        **{f"TAP_ZENDESK_EVENTS_{name}": value for name, value in {**own, **dates}.items()},
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": f"zendesk_{account.replace('-', '_')}",
    }
