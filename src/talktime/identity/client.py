"""What the protocol says, as Authlib says it; the line to the server is ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client

from talktime.identity.asking import Asker, Said
from talktime.identity.failures import NotBelieved
from talktime.identity.known import Begun, Client
from talktime.identity.servers import Server

UNREADABLE = (OAuth2Error, ValueError, TypeError, RecursionError)
POST, BASIC, NONE = "client_secret_post", "client_secret_basic", "none"


class _Line:
    """What Authlib takes for a session."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def post(self, url: str, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> Said:
        # A copy: these headers are Authlib's for everybody, and the secret goes into them.
        url, told, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return self._asker.post(url, told, body.encode())


def address(asker: Asker, server: Server, client: Client, begun: Begun, again: bool) -> str:
    """Where the person proves who he is."""
    more = {"prompt": "login", "max_age": "0"} if again else {}
    spoken = _client(asker, server, client)
    told = {"state": begun.state, "nonce": begun.nonce, "code_verifier": begun.verifier}
    url, _ = spoken.create_authorization_url(server.authorization_endpoint, **told, **more)
    return str(url)


def token_for(asker: Asker, server: Server, client: Client, code: str, verifier: str) -> Mapping[str, Any]:
    spoken = _client(asker, server, client)
    told = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    try:
        token: Mapping[str, Any] = spoken.fetch_token(server.token_endpoint, **told)
    except UNREADABLE as error:
        raise NotBelieved(f"no token for the code: {error}") from error
    return token


def _client(asker: Asker, server: Server, client: Client) -> OAuth2Client:
    return OAuth2Client(
        _Line(asker),
        client_id=client.client_id,
        client_secret=client.secret,
        token_endpoint_auth_method=_proof(server, client),
        scope="openid email",
        redirect_uri=client.redirect_uri,
        code_challenge_method="S256",
    )


def _proof(server: Server, client: Client) -> str:
    """In the body where that is taken: what is no letter in a header is read in two ways."""
    if client.secret is None:
        return NONE
    return POST if POST in server.token_endpoint_auth_methods_supported else BASIC
