"""Steps that lead the machine to a bug which chance meets only once in hundreds of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.faults.money.gateway import Asked, Paying
from tests.faults.money.machine import MoneyMachine
from tests.faults.money.scene import Scene

AT_ALIPAY, BESIDE, AT_WECHAT, AT_BANK = 0, 1, 2, 3  # Cards by their rail; two are of one seller.
NO_FAULTS = (None, None, None, None, None)


def go(scene: Scene, steps: Callable[[MoneyMachine], None]) -> None:
    """Do the steps from a fresh start and end the run; raises Broken as soon as something does not hold."""

    class Led(MoneyMachine):
        """The machine, on this scene."""

    Led.scene = scene
    machine = Led()
    led = AT_ALIPAY if steps in (state_what_waits_for_the_bank, return_what_was_paid, prove_by_statement) else AT_BANK
    machine.begin(NO_FAULTS, Paying.WORKS_ON_IT, spends=False, led=led)
    steps(machine)
    machine.everything_holds()
    machine.teardown()


def call_off_what_arrives(machine: MoneyMachine) -> None:
    """The receiver wants another payee, and the transfer arrives all the same."""
    _sent(machine, AT_WECHAT, Paying.PAYS)
    machine.receiver(AT_WECHAT, "calls off", None)
    machine.everything_holds()
    machine.gateway_ends(AT_WECHAT, well=True)


def ask_while_it_waits(machine: MoneyMachine) -> None:
    """WeChat Pay is asked about a transfer that its receiver has not confirmed, and they confirm it later."""
    _sent(machine, AT_WECHAT, Paying.PAYS)
    machine.reconcile(AT_WECHAT, Asked.ANSWERS, None)
    machine.everything_holds()
    machine.receiver(AT_WECHAT, "confirms", None)


def gather_twice(machine: MoneyMachine) -> None:
    """A second batch is gathered while the bank works on the first."""
    for _ in range(2):
        machine.batch_again(None)
        machine.everything_holds()


def state_what_waits_for_the_bank(machine: MoneyMachine) -> None:
    """Two people state that an order in the queue of the bank is not paid, and a colleague gathers what waits."""
    _sent(machine, AT_BANK, Paying.PAYS)
    machine.state(AT_BANK, None)
    machine.everything_holds()
    machine.conclude(AT_BANK, False, None)
    machine.everything_holds()
    machine.batch_again(None)


def state_what_waits_for_its_receiver(machine: MoneyMachine) -> None:
    """Two people state that nobody confirmed a transfer, and then its receiver does."""
    _sent(machine, AT_WECHAT, Paying.PAYS)
    machine.state(AT_WECHAT, None)
    machine.everything_holds()
    machine.conclude(AT_WECHAT, False, None)
    machine.everything_holds()
    machine.receiver(AT_WECHAT, "confirms", None)


def return_what_was_paid(machine: MoneyMachine) -> None:
    """The bank pays an order of a batch, and gives it back."""
    _sent(machine, AT_BANK, Paying.PAYS)
    for _ in range(2):
        machine.at_bank(AT_BANK, True, False, None)
        machine.everything_holds()
    machine.reconcile(AT_BANK, Asked.ANSWERS, None)
    machine.conclude(AT_BANK, False, None)
    machine.everything_holds()
    assert machine.now.cards[machine.cards[AT_BANK].id]["outcome"] == "paid"
    machine.comes_back(None)


def refund_by_notice(machine: MoneyMachine) -> None:
    """Alipay gives a payment back, and its notice is all that says so."""
    _paid(machine, AT_ALIPAY)
    machine.money_back(AT_ALIPAY, ("notice", "asks"), True, None)


def return_by_bill(machine: MoneyMachine) -> None:
    """WeChat Pay's bill shows that a confirmed transfer came back."""
    _confirmed(machine)
    machine.money_back(AT_WECHAT, ("bill",), True, None)


def return_after_remittance(machine: MoneyMachine) -> None:
    """The tax of a payment is paid to its office, and then the payment comes back."""
    _confirmed(machine)
    machine.remit(None)
    machine.everything_holds()
    machine.money_back(AT_WECHAT, ("bill",), False, None)


def prove_by_statement(machine: MoneyMachine) -> None:
    """A bank pays a batch and never answers by file: its statement shows it, and later that it came back."""
    _sent(machine, AT_BANK, Paying.PAYS)
    machine.at_bank(AT_BANK, None, False, None)
    machine.gateway_ends(AT_BANK, well=True)
    for state in ("paid", "refused"):
        machine.import_banks(None, True)
        machine.everything_holds()
        machine.reconcile(AT_BANK, Asked.ANSWERS, None)
        machine.conclude(AT_BANK, False, None)
        machine.everything_holds()
        (order,) = machine.now.orders[machine.cards[AT_BANK].id]
        assert order["state"] == state
        machine.scene.bank.comes_back(order["key"])


def import_what_waits(machine: MoneyMachine) -> None:
    """WeChat Pay's bill of the day shows a transfer that its receiver has not confirmed."""
    _sent(machine, AT_WECHAT, Paying.PAYS)
    machine.import_bill(None, False)
    machine.everything_holds()
    machine.conclude(AT_WECHAT, False, None)


def hear_while_unknown(machine: MoneyMachine) -> None:
    """A notice comes while the outcome of its order is unknown."""
    _sent(machine, AT_ALIPAY, Paying.WORKS_ON_IT)
    machine.hear(AT_ALIPAY, "final", None)


def refuse_goodwill(machine: MoneyMachine) -> None:
    """The gateway refuses a goodwill payment."""
    for _ in range(3):
        machine.give(Paying.REFUSES, Asked.ANSWERS, None)
        machine.everything_holds()


def sell_what_is_claimed(machine: MoneyMachine) -> None:
    """A card is sold, comes back, and is claimed from its seller; then a colleague wants to sell it."""
    _paid(machine, AT_ALIPAY)
    _claims(machine, "sell", "return", "claim", "sell")


def pay_more_than_is_left(machine: MoneyMachine) -> None:
    """The seller pays a claim back in part, with an error that is taken back, and then more than is left."""
    _paid(machine, AT_ALIPAY)
    _claims(machine, "claim")
    for number in (1, 0, 1):
        machine.claims.do("unpay", number, None)
        machine.everything_holds()
    machine.claims.do("pay", 2, None)


def drop_what_was_offset(machine: MoneyMachine) -> None:
    """A claim of which half was offset is dropped and paid back; the card is claimed again, and paid back by its seller."""
    _paid(machine, AT_ALIPAY)
    _claims(machine, "claim")
    _paid(machine, BESIDE)
    _claims(machine, "drop", *("pay back",) * 5, "pay", "drop", "sell")


def _paid(machine: MoneyMachine, which: int) -> None:
    _sent(machine, which, Paying.PAYS)
    machine.conclude(which, False, None)
    machine.everything_holds()


def _confirmed(machine: MoneyMachine) -> None:
    _sent(machine, AT_WECHAT, Paying.PAYS)
    machine.receiver(AT_WECHAT, "confirms", None)
    machine.reconcile(AT_WECHAT, Asked.ANSWERS, None)
    machine.conclude(AT_WECHAT, False, None)
    machine.everything_holds()
    assert machine.now.cards[machine.cards[AT_WECHAT].id]["outcome"] == "paid"


def _claims(machine: MoneyMachine, *acts: str) -> None:
    for what in acts:
        machine.claims.do(what, 0, None)
        machine.everything_holds()


def _sent(machine: MoneyMachine, which: int, paying: Paying) -> None:
    machine.accept(which, None)
    machine.everything_holds()
    machine.prepare(which, 1, None)
    machine.everything_holds()
    machine.send(which, False, paying, Asked.ANSWERS, None)
    machine.everything_holds()


STEPS_TO: Mapping[str, Callable[[MoneyMachine], None]] = {
    "believes it called off": call_off_what_arrives,
    "takes waiting for refused": ask_while_it_waits,
    "gathers again": gather_twice,
    "files what is settled": state_what_waits_for_the_bank,
    "states what waits": state_what_waits_for_its_receiver,
    "believes the bill": import_what_waits,
    "loses what came back": return_what_was_paid,
    "loses refund notices": refund_by_notice,
    "loses returned lines": return_by_bill,
    "keeps remitted tax": return_after_remittance,
    "believes notices": hear_while_unknown,
    "keeps refused goodwill": refuse_goodwill,
    "sells what is claimed": sell_what_is_claimed,
    "takes more than is left": pay_more_than_is_left,
    "keeps what was offset": drop_what_was_offset,
}
