"""What makes code or orders out of text is not in the source: no shell, nothing evaluated or unpickled, no XML read, no
pattern out of a value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "talktime"
CALLS = frozenset({"eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput"})
MODULES = frozenset({"pickle", "marshal", "shelve", "yaml", "xml.dom", "xml.sax", "ldap", "jinja2.nativetypes"})
XML_READERS = frozenset({"fromstring", "parse", "iterparse", "XML", "XMLParser", "XMLPullParser"})
PATTERNS = frozenset({f"re.{name}" for name in ("compile", "match", "search", "fullmatch", "sub", "split", "findall")})


def dangers(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call():
                yield from _of_call(node)
            case ast.Import():
                yield from (one.name for one in node.names if one.name in MODULES)
            case ast.ImportFrom(module=str(module)):
                names = {one.name for one in node.names}
                yield from names & XML_READERS if module.startswith("xml") else ()
                yield from [module] if module in MODULES else ()


def _of_call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    if name in CALLS:
        yield name
    if name == "Environment" and "auto_reload=False" not in map(ast.unparse, node.keywords):
        yield "templates that another version may have written"
    if name.startswith(("subprocess.", "asyncio.")) and any(one.arg == "shell" for one in node.keywords):
        yield f"{name} by a shell"
    if name in PATTERNS and isinstance(node.args[0], ast.JoinedStr | ast.BinOp | ast.Call):
        yield f"{name} of a text that is made"


OF_ITS_OWN_TABLE = ("portal/account/devices.py", "re.search of a text that is made")


def test_no_text_becomes_code_or_an_order() -> None:
    paths = sorted(SOURCE.rglob("*.py"))
    found = [(str(path.relative_to(SOURCE)), one) for path in paths for one in dangers(path.read_text())]
    assert found == [OF_ITS_OWN_TABLE]


@pytest.mark.parametrize(
    "code",
    [
        "eval(text)",
        "os.system(line)",
        "Environment(loader=loader, autoescape=True)",
        "subprocess.run(line, shell=True)",
        "import pickle",
        "from xml.etree.ElementTree import fromstring",
        "re.compile(f'{word}+')",
        "re.search('^' + word, text)",
    ],
)
def test_each_of_them_is_noticed(code: str) -> None:
    assert len(list(dangers(code))) == 1
