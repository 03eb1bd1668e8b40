"""The pages of `docs/operating` that follow the installation, word by word, on one fresh machine with systemd.

In every run they are followed with a folder for the machine (`tests/operating/test_guides.py`); here nothing stands in.
"""

from __future__ import annotations

import pytest

from tests.operating.guides import FOLDER, block_of, commands_in
from tests.packages import test_install
from tests.packages.machine import Machine


def all_of(guide: str) -> list[str]:
    return [block.text for block in commands_in(FOLDER / guide)]


SERVICES = test_install.blocks(test_install.SERVICES)
POSTGRESQL = block_of(SERVICES, "CREATE ROLE")
DBUS = block_of(SERVICES, "dbus.socket").partition("systemd-run")[0]
INSTALLED = [*test_install.blocks(test_install.FIRST), *SERVICES[:3], DBUS]
# The last is the command for a container.
OVERVIEW = all_of("README.md")[:-1]
UPGRADE = all_of("upgrade.md")
STARTED = "sudo systemctl start talktime && sudo talktime health --ready"
REACHED = """
curl -fsS --insecure --resolve talktime.example.com:443:127.0.0.1 --output /dev/null https://talktime.example.com/
sudo nft list chain inet talktime input
PROMETHEUS=http://127.0.0.1:9090/api/v1
until curl -fsS --get $PROMETHEUS/query --data-urlencode 'query=up{job="talktime"}' | grep '"1"'; do sleep 1; done
curl -fsS $PROMETHEUS/rules | grep --only-matching TalktimeDown
"""
A_PERSON = """
KEY=$(sudo talktime keys create --operator | grep --only-matching 'tt_live_0-[^ ]*')
send() {
    curl -fsS http://127.0.0.1:8080/v1/$1 -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' "${@:2}"
}
ORG=$(send operator/organizations --data '{"name": "Example Ltd", "country": "GB", "currency": "USD"}' |
    grep --only-matching 'org_[0-9]*' | head --lines 1)
ANN='{"name": "Ann", "sign_in_name": "ann@example.com", "usage_location": "GB"}'
send users -H "Talktime-Organization: $ORG" --data "$ANN"
echo "KEY=$KEY ORG=$ORG"
"""
STILL_READ = 'send users -H "Talktime-Organization: $ORG"'
LIVES = """
sudo talktime verify
systemctl show talktime.service talktime-worker.service --property ActiveState,NRestarts,Result
"""


@pytest.mark.prove
def test_a_weekend_of_an_operator_on_a_fresh_machine(machine: Machine) -> None:
    on_sqlite = [*all_of("secure.md"), *all_of("watch.md"), REACHED, *all_of("alerts.md"), *all_of("trouble.md")]
    upgraded = [*UPGRADE[:2], STARTED, POSTGRESQL, A_PERSON, *UPGRADE[2:], *all_of("secret-key.md")]
    people = [block.replace("ORG", "$ORG") for block in all_of("people-and-data.md")]
    blocks = [*INSTALLED, *OVERVIEW, *on_sqlite, *upgraded, STILL_READ, *people, LIVES]
    told = dict(zip(blocks, machine.told(blocks), strict=True))
    assert "0.1.0" in told[OVERVIEW[-1]]
    assert "drop" in told[REACHED] and "TalktimeDown" in told[REACHED]
    # Whoever calls the command leaves the data folder as closed as it was.
    assert "\n0 bad" in told[block_of(blocks, "chown root:")]
    assert "every invariant holds" in told[UPGRADE[0]]
    assert "Ann" in told[STILL_READ]
    lives = told[LIVES]
    assert "every invariant holds" in lives
    assert lives.count("ActiveState=active\n") == 2 and lives.count("Result=success\n") == 2
