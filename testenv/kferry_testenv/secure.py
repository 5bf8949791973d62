"""`testenv/up --secure`: certificates, and listeners of brokers that demand them or a login."""

import hashlib
import os
import struct
import subprocess
import zipfile
from pathlib import Path

from . import TestenvError, protocol

ALTER_USER_SCRAM_CREDENTIALS = 51

USER = "app"
PASSWORD = "plain-secret"  # SASL_PLAINTEXT, PLAIN
SCRAM_PASSWORD = "scram-secret"  # SASL_SSL, SCRAM-SHA-256 and -512
STORE_PASSWORD = "store-secret"
SESSION_MS = 4000  # logins by PLAIN have to be renewed that often

LISTENERS = {"SSL": "SSL", "SASL_SSL": "SASL_SSL", "SASL_PLAINTEXT": "SASL_PLAINTEXT", "EXPIRED": "SSL", "IAM": "SASL_PLAINTEXT"}

_MODULES = "org.apache.kafka.common.security"


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise TestenvError(f"{' '.join(command[:3])}: exit code {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")


def _java_tool(name: str) -> str:
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / name) if home else name


class Certificates:
    """Files in a folder of their own; see testenv/README.md."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._root("ca", "kferry test authority")
        self._root("other-ca", "another authority")
        self._signed("intermediate", "kferry test intermediate", "ca", "basicConstraints=critical,CA:TRUE")
        self._signed("server", "localhost", "ca", "subjectAltName=DNS:localhost")
        self._signed("expired", "localhost", "ca", "subjectAltName=DNS:localhost", days=-1)
        self._signed("client", USER, "intermediate", "extendedKeyUsage=clientAuth")
        for name in ("server", "expired"):  # as Kafka wants PEM stores
            self._join(f"{name}-store.pem", f"{name}.key", f"{name}.pem")
        self._join("client-chain.pem", "client.pem", "intermediate.pem")
        self._join("client-store.pem", "client.key", "client-chain.pem")
        _run("openssl", "pkcs12", "-export", "-in", self.path("client.pem"), "-inkey", self.path("client.key"),
             "-certfile", self.path("intermediate.pem"), "-out", self.path("client.p12"), "-passout", f"pass:{STORE_PASSWORD}")
        _run(_java_tool("keytool"), "-importcert", "-noprompt", "-alias", "ca", "-file",
             self.path("ca.pem"), "-storetype", "PKCS12", "-keystore", self.path("trust.p12"), "-storepass", STORE_PASSWORD)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def _join(self, name: str, *parts: str) -> None:
        text = "".join((self.folder / part).read_text(encoding="ascii") for part in parts)
        (self.folder / name).write_text(text, encoding="ascii")

    def _key(self, name: str) -> list[str]:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.path(f"{name}.key")]

    def _root(self, name: str, common_name: str) -> None:
        _run("openssl", "req", "-x509", *self._key(name), "-out", self.path(f"{name}.pem"), "-days", "30",
             "-subj", f"/CN={common_name}")

    def _signed(self, name: str, common_name: str, by: str, extension: str, days: int = 30) -> None:
        request, extensions = self.path(f"{name}.csr"), self.path(f"{name}.ext")
        Path(extensions).write_text(extension + "\n", encoding="ascii")
        _run("openssl", "req", "-new", *self._key(name), "-out", request, "-subj", f"/CN={common_name}")
        _run("openssl", "x509", "-req", "-in", request, "-CA", self.path(f"{by}.pem"), "-CAkey", self.path(f"{by}.key"),
             "-CAcreateserial", "-out", self.path(f"{name}.pem"), "-days", str(days), "-extfile", extensions)


def classes(folder: Path, jar_dir: Path) -> str:
    """The jar with the classes of ours that brokers run; made once."""
    made = folder / "validator.jar"
    if not made.exists():
        source = Path(__file__).resolve().parent.parent / "java" / "IamTokenValidator.java"
        _run(_java_tool("javac"), "-cp", f"{jar_dir}/*", "-d", str(folder / "classes"), str(source))
        with zipfile.ZipFile(made, "w") as jar:
            for one in sorted((folder / "classes").iterdir()):
                jar.write(one, one.name)
    return str(made)


def broker_properties(certificates: Certificates, config: dict, ports: dict[str, int], protocol_of: dict[str, str]) -> dict:
    """Listeners beside those of `config`, each on its port; they are advertised as localhost."""
    protocols = config.get("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT")
    found = {
        "listeners": config["listeners"] + "".join(f",{name}://127.0.0.1:{port}" for name, port in ports.items()),
        "advertised.listeners": config["advertised.listeners"]
                                + "".join(f",{name}://localhost:{port}" for name, port in ports.items()),
        "listener.security.protocol.map": protocols + "".join(f",{name}:{kind}" for name, kind in protocol_of.items()),
        "ssl.keystore.type": "PEM", "ssl.keystore.location": certificates.path("server-store.pem"),
        "ssl.truststore.type": "PEM", "ssl.truststore.location": certificates.path("ca.pem"),
        "listener.name.ssl.ssl.client.auth": "required",
        "listener.name.expired.ssl.keystore.type": "PEM",
        "listener.name.expired.ssl.keystore.location": certificates.path("expired-store.pem"),
        "listener.name.sasl_ssl.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.sasl_plaintext.sasl.enabled.mechanisms": "PLAIN,OAUTHBEARER",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config":
            f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
        "listener.name.sasl_plaintext.plain.connections.max.reauth.ms": SESSION_MS,
        "listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config":
            f'{_MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
        "listener.name.iam.sasl.enabled.mechanisms": "OAUTHBEARER",
        "listener.name.iam.oauthbearer.sasl.jaas.config":
            f'{_MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
        "listener.name.iam.oauthbearer.sasl.server.callback.handler.class": "IamTokenValidator",
        "listener.name.iam.oauthbearer.connections.max.reauth.ms": SESSION_MS,
    }
    for mechanism in ("scram-sha-256", "scram-sha-512"):
        found[f"listener.name.sasl_ssl.{mechanism}.sasl.jaas.config"] = f"{_MODULES}.scram.ScramLoginModule required;"
    return found


def _compact(data: bytes) -> bytes:
    if len(data) > 126:
        raise TestenvError("too long for a length of one byte")
    return bytes([len(data) + 1]) + data


def create_scram_user(connection: protocol.Connection) -> None:
    """AlterUserScramCredentials v0 (KIP-554), from 2.7 on; it takes a user once per request."""
    iterations, salt = 4096, b"kferry-salt"
    for mechanism, digest in ((1, "sha256"), (2, "sha512")):
        salted = hashlib.pbkdf2_hmac(digest, SCRAM_PASSWORD.encode(), salt, iterations)
        upsert = _compact(USER.encode()) + struct.pack(">bi", mechanism, iterations) + _compact(salt) + _compact(salted)
        # Flexible: a tag buffer ends the header, each entry and the request. No deletions, one upsertion.
        reply = connection.request(ALTER_USER_SCRAM_CREDENTIALS, 0, b"\0" + b"\x01" + b"\x02" + upsert + b"\0" + b"\0")
        reply.number("b")
        reply.number("i")
        if reply.number("b") != 2:
            raise TestenvError("AlterUserScramCredentials: an answer about nobody")
        for _ in range(reply.number("b") - 1):
            reply.number("b")
        if code := reply.number("h"):
            raise TestenvError(f"creating the SCRAM user: {protocol.error_name(code)}")
