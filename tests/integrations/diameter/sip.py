"""A SIP proxy that asks over Diameter: Kamailio with `ims_charging` and `cdp`, callers and callees by sipp."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

HERE = "127.0.0.1"
ASKED = "localhost"
"""Kamailio looks its server up by name, and calls it so in its messages."""
HOST = "switch0.example.net"
START_SECONDS_MAX = 30.0
SIPP_SECONDS_MAX = 60.0

PEERS = """<?xml version="1.0" encoding="UTF-8"?>
<DiameterPeer FQDN="{host}" Realm="example.net" Vendor_Id="10415" Product_Name="a proxy" AcceptUnknownPeers="0"
  DropUnknownOnDisconnect="1" Tc="2" Workers="2" QueueLength="32" ConnectTimeout="2" TransactionTimeout="3"
  SessionsHashSize="16" DefaultAuthSessionTimeout="3600" MaxAuthSessionTimeout="3600">
  <Peer FQDN="{asked}" Realm="example.net" port="{diameter}"/>
  <Acceptor port="{acceptor}" bind="127.0.0.1"/>
  <Auth id="4" vendor="10415"/>
  <Auth id="4" vendor="0"/>
  <SupportedVendor vendor="10415"/>
  <DefaultRoute FQDN="{asked}" metric="10"/>
</DiameterPeer>
"""
CONFIGURATION = """
debug=2
log_stderror=yes
children=2
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{sip}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "cdp.so"
loadmodule "cdp_avp.so"
loadmodule "ims_dialog.so"
loadmodule "ims_charging.so"
modparam("cdp", "config_file", "{folder}/peers.xml")
modparam("ims_dialog", "dlg_flag", 4)
modparam("ims_charging", "origin_host", "{host}")
modparam("ims_charging", "origin_realm", "example.net")
modparam("ims_charging", "destination_host", "{asked}")
modparam("ims_charging", "destination_realm", "example.net")
modparam("ims_charging", "interim_update_credits", 30)
modparam("ims_charging", "timer_buffer", 2)

request_route {{
  if (has_totag()) {{ loose_route(); t_relay(); exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
  if (!is_method("INVITE")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
  record_route();
  setflag(4);
  if (!t_newtran()) {{ sl_reply_error(); exit; }}
  t_set_fr(30000, 10000);
  $avp(callee) = $hdr(X-Callee);
  if (!Ro_CCR("ASKED", "orig", 30, "0", "0")) {{ t_reply("503", "No Charging"); }}
  exit;
}}
route[ASKED] {{
  if ($avp(s:cca_return_code) == 1) {{ $du = "sip:127.0.0.1:" + $avp(callee); t_relay(); exit; }}
  if ($avp(s:cca_return_code) == -1) {{ t_reply("402", "Payment Required"); exit; }}
  t_reply("503", "Charging Unavailable");
  exit;
}}
"""
SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 6000 RTP/AVP 0
"""


class Proxy:
    def __init__(self, folder: Path, diameter_port: int) -> None:
        self._folder = folder
        self.port = free_port(socket.SOCK_DGRAM)
        names = {"host": HOST, "asked": ASKED, "folder": folder, "sip": self.port, "diameter": diameter_port}
        (folder / "peers.xml").write_text(PEERS.format(**names, acceptor=free_port(socket.SOCK_STREAM)))
        (folder / "proxy.cfg").write_text(CONFIGURATION.format(**names))
        self.start()

    def start(self) -> None:
        file, state = str(self._folder / "proxy.cfg"), str(self._folder)
        command = ["kamailio", "-DD", "-E", "-f", file, "-Y", state, "-m", "32", "-M", "4"]
        with (self._folder / "proxy.log").open("wb") as log:
            # A group of its own, so that it can be ended with all its workers.
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, start_new_session=True)

    @property
    def log(self) -> str:
        return (self._folder / "proxy.log").read_text(errors="replace")

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Sipp:
    """One caller or one callee."""

    def __init__(self, folder: Path, name: str, scenario: str, port: int, *arguments: str) -> None:
        self._errors = folder / f"{name}-{port}.errors"
        file = folder / f"{name}-{port}.xml"
        file.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">{scenario}</scenario>')
        where = ["-sf", str(file), "-i", HERE, "-p", str(port), "-nostdin", "-m", "1"]
        told = ["-trace_err", "-error_file", str(self._errors)]
        self._process = subprocess.Popen(["sipp", *arguments, *where, *told], cwd=folder, stdout=subprocess.DEVNULL)

    @property
    def errors(self) -> str:
        return self._errors.read_text(errors="replace") if self._errors.exists() else ""

    def ended(self) -> int:
        """0: all went as the scenario says."""
        return self._process.wait(SIPP_SECONDS_MAX)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(type=kind) as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


def until_connected(proxy: Proxy) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while not re.search(rf"Peer {ASKED}:\d+ connected", proxy.log):
        assert time.monotonic() < deadline, proxy.log[-2000:]
        time.sleep(0.05)


# ------------------------------------------------------------------------------------------------- scenarios


def request(method: str, number: int, *more: str, uri: str = "[next_url]", body: str = "") -> str:
    """In the dialog that the INVITE has begun."""
    lines = [
        f"{method} {uri} SIP/2.0",
        "Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]",
        "[routes]" if uri == "[next_url]" else "Contact: <sip:[local_ip]:[local_port]>",
        "From: <sip:[service]>;tag=[pid]a[call_number]",
        "[last_To:]" if uri == "[next_url]" else "To: <sip:+442079460123@example.net>",
        "Call-ID: [call_id]",
        f"CSeq: {number} {method}",
        "Max-Forwards: 70",
        *more,
        body or "Content-Length: 0\n",
    ]
    again = "" if method == "ACK" else ' retrans="500"'
    return f"<send{again}><![CDATA[\n" + "\n".join(lines) + "\n]]></send>"


def answer(code: int, phrase: str, body: str = "", tag: bool = True) -> str:
    lines = [
        f"SIP/2.0 {code} {phrase}",
        "[last_Via:]",
        "[last_From:]",
        "[last_To:]" + (";tag=[pid]c[call_number]" if tag else ""),
        "[last_Call-ID:]",
        "[last_CSeq:]",
        "[last_Record-Route:]",
        "Contact: <sip:[local_ip]:[local_port]>",
        body or "Content-Length: 0\n",
    ]
    again = ' retrans="500"' if tag and code >= 200 else ""
    return f"<send{again}><![CDATA[\n" + "\n".join(lines) + "\n]]></send>"


def invite(callee: int) -> str:
    where = "sip:+442079460123@[remote_ip]:[remote_port]"
    return request("INVITE", 1, f"X-Callee: {callee}", uri=where, body=SDP)


def hears(code: int, optional: bool = False) -> str:
    return f'<recv response="{code}"' + (' optional="true"/>' if optional else ' rrs="true"/>')


PROVISIONAL = hears(100, optional=True) + hears(180, optional=True)


def talks(callee: int, seconds: float) -> str:
    """Calls, and hangs up after some time."""
    pause = f'<pause milliseconds="{int(seconds * 1000)}"/>'
    bye = request("BYE", 2) + hears(200)
    return invite(callee) + PROVISIONAL + hears(200) + request("ACK", 1) + pause + bye


def stays(callee: int) -> str:
    """Calls, and waits until he is hung up on."""
    bye = '<recv request="BYE" timeout="50000"/>' + answer(200, "OK", tag=False)
    return invite(callee) + PROVISIONAL + hears(200) + request("ACK", 1) + bye


def is_refused(callee: int, code: int) -> str:
    return invite(callee) + PROVISIONAL + hears(code) + request("ACK", 1)


def gives_up(callee: int) -> str:
    """While it rings."""
    cancel = """<send retrans="500"><![CDATA[
CANCEL sip:+442079460123@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch-3]
From: <sip:[service]>;tag=[pid]a[call_number]
To: <sip:+442079460123@example.net>
Call-ID: [call_id]
CSeq: 1 CANCEL
Max-Forwards: 70
Content-Length: 0

]]></send>"""
    rings = hears(100, optional=True) + hears(180)
    return invite(callee) + rings + cancel + hears(200) + hears(487) + request("ACK", 1)


TAKES_THE_CALL = (
    '<recv request="INVITE" rrs="true"/>'
    + answer(180, "Ringing")
    + answer(200, "OK", SDP)
    + '<recv request="ACK"/><recv request="BYE" timeout="50000"/>'
    + answer(200, "OK", tag=False)
)
IS_BUSY = '<recv request="INVITE" rrs="true"/>' + answer(486, "Busy Here") + '<recv request="ACK"/>'
RINGS = (
    '<recv request="INVITE" rrs="true"/>'
    + answer(180, "Ringing")
    + '<recv request="CANCEL"/>'
    + answer(200, "OK", tag=False)
    # The proxy knows the way back by itself; the caller's own line of it is gone with the INVITE.
    + answer(487, "Request Terminated", tag=False)
    .replace("[last_CSeq:]", "CSeq: 1 INVITE\nVia: SIP/2.0/UDP [remote_ip]:9;branch=z9hG4bK-gone")
    .replace("[last_To:]", "[last_To:];tag=[pid]c[call_number]")
    + '<recv request="ACK"/>'
)
