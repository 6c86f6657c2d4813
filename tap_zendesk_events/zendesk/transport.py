"""The session of requests under the tap, where it must do otherwise than usual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from typing_extensions import override
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError

if TYPE_CHECKING:
    from urllib3 import PoolManager, ProxyManager


class Connection(HTTPSConnection):
    """A connection whose handshakes are part of connecting.

    urllib3 calls a time-out in the TLS handshake, or while a proxy answers, a time-out while
    reading. But no request has been sent then, so it says nothing about the page.
    """

    @override
    def connect(self) -> None:
        try:
            super().connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the handshake timed out") from error


class ConnectionPool(HTTPSConnectionPool):
    """Makes such connections."""

    ConnectionCls = Connection


class Adapter(HTTPAdapter):
    """Makes them for hosts, and for proxies."""

    @override
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _use_own_pools(self.poolmanager)

    @override
    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        # a manager for SOCKS has pools of its own
        if manager.pool_classes_by_scheme.get("https") is HTTPSConnectionPool:
            _use_own_pools(manager)
        return manager


def _use_own_pools(manager: PoolManager | ProxyManager) -> None:
    manager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": ConnectionPool}


class Session(requests.Session):
    """A session that never looks where a redirect leads.

    Even if it need not follow, requests would read the body of one: without any bound, before
    anybody could look at the status.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mount("https://", Adapter())

    @override
    def get_redirect_target(self, resp: requests.Response) -> None:
        return None
