"""What receipts and statements say, in the language of the organization."""

from __future__ import annotations

from talktime.core.ledger import EntryKind
from talktime.core.receipts import Party, Receipt, ReceiptKind
from talktime.core.statements import Statement, StatementRow
from talktime.documents.sheet import Block, Fact, Sheet, Table
from talktime.languages import formats
from talktime.languages.catalogues import Translator, translator

DOMAIN = "documents"


def receipt_sheet(receipt: Receipt) -> Sheet:
    _ = translator(receipt.language, DOMAIN)
    amount = formats.money(receipt.total, receipt.currency, receipt.language)
    return Sheet(
        language=receipt.language,
        title=_title(_, receipt.kind),
        subtitle=receipt.number,
        sender=receipt.seller.name,
        blocks=_parties(_, receipt.seller, receipt.buyer),
        facts=tuple(fact for fact in _facts(_, receipt) if fact.value),
        table=Table((_("Description"), _("Amount")), ((_about(_, receipt.kind), amount),), (0, 30), 1),
        sums=(*_vat(_, receipt), Fact(_("Total"), amount)),
        note=receipt.note,
        page=_("Page {page} of {pages}"),
    )


def _title(_: Translator, kind: ReceiptKind) -> str:
    match kind:
        case ReceiptKind.RECEIPT:
            return _("Receipt")
        case ReceiptKind.INVOICE:
            return _("Invoice")
        case ReceiptKind.CREDIT_NOTE:
            return _("Credit note")


def _about(_: Translator, kind: ReceiptKind) -> str:
    if kind is ReceiptKind.CREDIT_NOTE:
        return _("Refund of communication credits")
    return _("Communication credits")


def _parties(_: Translator, seller: Party, buyer: Party) -> tuple[Block, ...]:
    blocks = (_block(_, _("Seller"), seller), _block(_, _("Customer"), buyer))
    return tuple(block for block in blocks if block.name or block.lines)


def _block(_: Translator, heading: str, party: Party) -> Block:
    vat = (_("VAT ID: {number}", number=party.vat_id),) if party.vat_id else ()
    return Block(heading, party.name, (*party.address, *vat))


def _facts(_: Translator, receipt: Receipt) -> tuple[Fact, ...]:
    zone, language = receipt.time_zone, receipt.language
    until = formats.day(receipt.expires_at, zone, language) if receipt.expires_at else ""
    return (
        Fact(_("Date"), formats.day(receipt.at, zone, language)),
        Fact(_("For document"), receipt.refers_to or ""),
        Fact(_("Payment card"), receipt.card or ""),
        Fact(_("Agreement"), receipt.agreement or ""),
        Fact(_("Purchase order"), receipt.po_number or ""),
        Fact(_("Expiry of the funds"), until),
    )


def _vat(_: Translator, receipt: Receipt) -> tuple[Fact, ...]:
    if receipt.vat is None:
        return ()
    rate = formats.percent(receipt.vat.rate, receipt.language)
    net, tax = (formats.money(one, receipt.currency, receipt.language) for one in (receipt.vat.net, receipt.vat.tax))
    return (Fact(_("Total without VAT"), net), Fact(_("VAT {rate}", rate=rate), tax))


def statement_sheet(statement: Statement) -> Sheet:
    _ = translator(statement.language, DOMAIN)
    zone, language, decimals = statement.time_zone, statement.language, _decimals(statement)
    first, last = (formats.day(at, zone, language) for at in (statement.begin, statement.last))
    return Sheet(
        language=language,
        title=_("Account statement"),
        subtitle=f"{first} \N{EN DASH} {last}",
        sender=statement.seller.name,
        blocks=_parties(_, statement.seller, statement.buyer),
        facts=(Fact(_("Opening balance"), _money(statement, statement.opening, decimals)),),
        table=_movements(_, statement, decimals),
        sums=_sums(_, statement, decimals),
        note="" if statement.rows else _("Nothing moved in this period."),
        page=_("Page {page} of {pages}"),
    )


def _decimals(statement: Statement) -> int:
    """As many as any amount has, so that all stand well below each other."""
    amounts = [amount for row in statement.rows for amount in (row.amount, row.balance_after)]
    return max(formats.money_decimals(one, statement.currency) for one in (statement.opening, *amounts))


def _money(statement: Statement, amount: int, decimals: int) -> str:
    return formats.money(amount, statement.currency, statement.language, decimals)


def _sums(_: Translator, statement: Statement, decimals: int) -> tuple[Fact, ...]:
    return (
        Fact(_("Money in"), _money(statement, statement.money_in, decimals)),
        Fact(_("Money out"), _money(statement, statement.money_out, decimals)),
        Fact(_("Closing balance"), _money(statement, statement.closing, decimals)),
    )


def _movements(_: Translator, statement: Statement, decimals: int) -> Table:
    currency, zone, language = statement.currency, statement.time_zone, statement.language

    def cells(row: StatementRow) -> tuple[str, ...]:
        money = (formats.plain_money(one, currency, language, decimals) for one in (row.amount, row.balance_after))
        return (formats.day(row.at, zone, language), _what(_, row), *money)

    amount, balance = (f"{name}, {currency}" for name in (_("Amount"), _("Balance")))
    headings = (_("Date"), _("Description"), amount, balance)
    return Table(headings, tuple(map(cells, statement.rows)), (24, 0, 18, 18), 2)


def _what(_: Translator, row: StatementRow) -> str:
    match row.kind:
        case EntryKind.TOP_UP:
            return _("Funds added")
        case EntryKind.RECHARGE:
            return _("Recharged automatically")
        case EntryKind.GRANT:
            return _("Credit granted")
        case EntryKind.CHARGE:
            return _.plural("{count} call", "{count} calls", row.count)
        case EntryKind.EXPIRY:
            return _("Credit expired")
        case EntryKind.REFUND:
            return _("Refunded")
        case EntryKind.DISPUTE:
            return _("Disputed payment")
        case EntryKind.ADJUSTMENT:
            return _("Adjusted: {note}", note=row.note)
        case EntryKind.REVERSAL:
            return _("Given back: {note}", note=row.note)
