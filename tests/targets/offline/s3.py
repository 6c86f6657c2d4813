"""S3: a server on this machine (moto) in the place of Amazon's; the bucket becomes a folder."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from tests.targets.offline import kept

BUCKET = "events"
KEY = "unused"


def main() -> None:
    """Run the target with the server's address in its settings."""
    server = import_module("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    client = import_module("boto3").client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=KEY,
    )
    client.create_bucket(Bucket=BUCKET)
    _point_to(f"http://{host}:{port}")
    try:
        import_module("target_s3.target").Targets3.cli()
    finally:
        for found in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            path = kept.FOLDER / found["Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(BUCKET, found["Key"], str(path))
        server.stop()


def _point_to(address: str) -> None:
    """Change the file of settings that the options name."""
    path = Path(sys.argv[sys.argv.index("--config") + 1])
    config = json.loads(path.read_text(encoding="utf-8"))
    config["cloud_provider"] = {
        "cloud_provider_type": "aws",
        "aws": {
            "aws_access_key_id": KEY,
            "aws_secret_access_key": KEY,
            "aws_region": "us-east-1",
            "aws_bucket": BUCKET,
            "aws_endpoint_override": address,
        },
    }
    path.write_text(json.dumps(config), encoding="utf-8")


if __name__ == "__main__":
    main()
