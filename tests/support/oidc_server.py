"""A real server for single sign-on, small and honest: discovery, keys, authorize, token. Whoever comes is signed in
there at once. Tests make it lie."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from tests.support.loopback import Answer, Loopback, Request

CLIENT_ID, CLIENT_SECRET = "talktime", "s3cret of the client: +/%"
Key = RSAKey | ECKey | OctKey


@cache
def rsa(name: str = "first") -> RSAKey:
    """Making one takes its time."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@cache
def ec(name: str = "curve") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig"})


class OidcServer(Loopback):
    def __init__(self, clock: Callable[[], int]) -> None:
        super().__init__()
        self.clock = clock
        """In seconds."""
        self.issuer = f"{self.url}/realms/example"
        self.redirect_uris: set[str] = set()
        self.person: dict[str, Any] = {"sub": "248289761001", "email": "ada@example.com", "email_verified": True}
        """Who sits in front of the browser."""
        self.keys: list[Key] = [rsa()]
        self.signs_with: Key = self.keys[0]
        self.algorithm = "RS256"
        self.lies: dict[str, Any] = {}
        """Claims as they ought not to be; None leaves one out."""
        self.document_lies: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.id_token: str | None = None
        """Said in place of a signed one."""
        self.refuses = ""
        self.is_down = False
        self.location = ""
        """Where it says that it has moved."""
        self.padding = 0
        self.asked: list[str] = []
        self.authorized: list[dict[str, str]] = []
        self.proofs: list[str] = []
        """How whoever asked for a token proved that he is the client."""
        self.forgets_codes = True
        """As it must: a code is good once."""
        self._codes: dict[str, dict[str, str]] = {}

    # ------------------------------------------------------------ a browser

    def visited(self, url: str) -> dict[str, str]:
        """The answer that a browser is sent back with."""
        back = httpx.get(url, follow_redirects=False, trust_env=False)
        assert back.status_code == 302, back.text
        where = urlsplit(back.headers["location"])
        assert f"{where.scheme}://{where.netloc}{where.path}" in self.redirect_uris
        return dict(parse_qsl(where.query))

    # ------------------------------------------------------------ what it answers

    def answer(self, request: Request) -> Answer:
        where = urlsplit(request.path)
        self.asked.append(where.path)
        if self.is_down:
            return _json(503, {"error": "temporarily_unavailable"})
        if self.location:
            return _json(302, {}, self.location)
        match where.path.removeprefix("/realms/example"):
            case "/.well-known/openid-configuration":
                return _json(200, self.document() | {"padding": "x" * self.padding})
            case "/keys":
                return _json(200, self.published_keys())
            case "/authorize":
                return _json(302, {}, self.authorize(dict(parse_qsl(where.query))))
            case "/token":
                form = dict(parse_qsl(request.body.decode(), strict_parsing=True))
                return _json(*self.token(form, request.headers.get("authorization", "")))
        return _json(404, {})

    def document(self) -> dict[str, Any]:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }
        return {name: value for name, value in {**said, **self.document_lies}.items() if value is not None}

    def published_keys(self) -> dict[str, Any]:
        # Of a kind that nobody knows yet, as other servers have them beside the usual ones.
        unknown = {"kty": "AKP", "kid": "of tomorrow", "alg": "ML-DSA-44", "pub": "AA"}
        return {"keys": [*KeySet(list(self.keys)).as_dict(private=False)["keys"], unknown]}

    def authorize(self, asked: Mapping[str, str]) -> str:
        """Where the browser goes back to."""
        self.authorized.append(dict(asked))
        assert asked["client_id"] == CLIENT_ID and asked["redirect_uri"] in self.redirect_uris
        assert asked["response_type"] == "code" and "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
        assert asked["state"] and asked["nonce"]
        told = {"state": asked["state"]}
        if self.refuses:
            return _back(asked, told | {"error": self.refuses, "error_description": "not you"})
        code = secrets.token_urlsafe(16)
        self._codes[code] = dict(asked)
        if self.document_lies.get("authorization_response_iss_parameter_supported"):
            told["iss"] = self.issuer
        return _back(asked, told | {"code": code})

    def token(self, form: Mapping[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        if not self._is_client(form, authorization):
            return 401, {"error": "invalid_client"}
        take = self._codes.pop if self.forgets_codes else self._codes.get
        asked = take(form.get("code", ""), None)
        if form.get("grant_type") != "authorization_code" or asked is None:
            return 400, {"error": "invalid_grant"}
        if form.get("redirect_uri") != asked["redirect_uri"] or not _is_verifier(form, asked):
            return 400, {"error": "invalid_grant"}
        access = secrets.token_urlsafe(16)
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": self._id_token(asked, access)}

    def _is_client(self, form: Mapping[str, str], authorization: str) -> bool:
        if authorization:
            self.proofs.append("basic")
            return authorization == "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        self.proofs.append("post" if "client_secret" in form else "none")
        is_open = self.document_lies.get("token_endpoint_auth_methods_supported") == ["none"]
        return form.get("client_id") == CLIENT_ID and (is_open or form.get("client_secret") == CLIENT_SECRET)

    def _id_token(self, asked: Mapping[str, str], access: str) -> str:
        if self.id_token is not None:
            return self.id_token
        now = self.clock()
        digest = hashlib.new(f"sha{self.algorithm[2:]}", access.encode()).digest()
        half = digest[: len(digest) // 2]
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            **self.person,
            **self.lies,
        }
        told = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.signs_with.kid, **self.header}
        header = {name: value for name, value in header.items() if value is not None}
        return jwt.encode(header, told, self.signs_with, algorithms=[self.algorithm])


def _json(status: int, body: Mapping[str, Any], location: str = "") -> Answer:
    headers = {"Content-Type": "application/json"} | ({"Location": location} if location else {})
    return Answer(status, headers, json.dumps(body).encode())


def _back(asked: Mapping[str, str], told: Mapping[str, str]) -> str:
    return f"{asked['redirect_uri']}?{urlencode(told)}"


def _is_verifier(form: Mapping[str, str], asked: Mapping[str, str]) -> bool:
    digest = sha256(form.get("code_verifier", "").encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
