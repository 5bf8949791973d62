"""`testenv/up --kerberos`: a KDC of a realm of its own, and listeners of brokers that want its tickets."""

import os
import subprocess
from pathlib import Path

from . import TestenvError
from .control import Control

REALM = "KFERRY.TEST"
USERS = ("app", "brief")  # each with a keytab in DIR/kerberos; tickets of `brief` live a second
SERVICES = {"KERBEROS": "kafka", "KERBEROS_SSL": "stream"}  # each listener's sasl.kerberos.service.name
SESSION_MS = 4000  # logins at KERBEROS have to be renewed that often

LISTENERS = {"KERBEROS": "SASL_PLAINTEXT", "KERBEROS_SSL": "SASL_SSL"}

_KRB5_CONF = """[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 rdns = false
 udp_preference_limit = 1
 default_ccache_name = FILE:{folder}/tickets

[realms]
 {realm} = {{
  kdc = 127.0.0.1:{port}
 }}

[domain_realm]
 localhost = {realm}
"""

_KDC_CONF = """[kdcdefaults]
 kdc_listen = 127.0.0.1:{port}
 kdc_tcp_listen = 127.0.0.1:{port}

[realms]
 {realm} = {{
  database_name = {folder}/principals
  key_stash_file = {folder}/stash
  acl_file = {folder}/acl
  supported_enctypes = aes256-cts:normal
 }}

[logging]
 kdc = FILE:{folder}/kdc.log
 admin_server = FILE:{folder}/kadmin.log
 default = FILE:{folder}/krb5.log
"""


class Kdc:
    """Its files are in a folder of their own; see testenv/README.md."""

    def __init__(self, folder: Path, control: Control, port: int) -> None:
        self.folder = folder
        folder.mkdir()
        values = {"realm": REALM, "folder": folder, "port": port}
        self.config = folder / "krb5.conf"
        self.config.write_text(_KRB5_CONF.format(**values), encoding="ascii")
        (folder / "kdc.conf").write_text(_KDC_CONF.format(**values), encoding="ascii")
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master-secret")
        names = {user: user for user in USERS} | {service: f"{service}/localhost" for service in SERVICES.values()}
        commands = [f"addprinc -randkey {name}\nktadd -k {folder}/{file}.keytab {name}" for file, name in names.items()]
        commands.append("modprinc -maxlife 1second brief")
        self._run("kadmin.local", "-r", REALM, lines="\n".join(commands) + "\n")
        control.request("spawn", name="kdc", argv=["env", *self._variables(), _found("krb5kdc"), "-n", "-r", REALM],
                        log=str(folder.parent / "logs" / "kdc.log"))

    def _variables(self) -> list[str]:
        return [f"KRB5_CONFIG={self.config}", f"KRB5_KDC_PROFILE={self.folder}/kdc.conf"]

    def _run(self, program: str, *arguments: str, lines: str = "") -> None:
        done = subprocess.run(["env", *self._variables(), _found(program), *arguments], input=lines, capture_output=True,
                              text=True, timeout=60, check=False)
        if done.returncode:
            raise TestenvError(f"{program}: exit code {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")

    def java_options(self) -> tuple[str, ...]:
        return (f"-Djava.security.krb5.conf={self.config}",)

    def broker_properties(self) -> dict:
        found = {"listener.name.kerberos.gssapi.connections.max.reauth.ms": SESSION_MS}
        for listener, service in SERVICES.items():
            prefix = f"listener.name.{listener.lower()}"
            found |= {
                f"{prefix}.sasl.enabled.mechanisms": "GSSAPI",
                f"{prefix}.sasl.kerberos.service.name": service,
                f"{prefix}.gssapi.sasl.jaas.config":
                    "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true "
                    f'keyTab="{self.folder}/{service}.keytab" principal="{service}/localhost@{REALM}";',
            }
        return found


def _found(program: str) -> str:
    """Debian keeps some of them where only root looks."""
    for folder in os.environ.get("PATH", "").split(":") + ["/usr/sbin"]:
        if os.access(f"{folder}/{program}", os.X_OK):
            return f"{folder}/{program}"
    raise TestenvError(f"{program} is not installed: Debian's krb5-kdc, krb5-admin-server and krb5-user have what --kerberos needs")
