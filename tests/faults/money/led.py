"""Steps that lead the machine to a bug which chance meets only once in hundreds of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.faults.money.gateway import Asked, Paying
from tests.faults.money.machine import MoneyMachine
from tests.faults.money.scene import Scene

AT_ALIPAY, AT_WECHAT, AT_BANK = 0, 2, 3  # Cards by their rail.
NO_FAULTS = (None, None, None, None, None)


def go(scene: Scene, steps: Callable[[MoneyMachine], None]) -> None:
    """Do the steps from a fresh start and end the run; raises Broken as soon as something does not hold."""

    class Led(MoneyMachine):
        """The machine, on this scene."""

    Led.scene = scene
    machine = Led()
    machine.begin(NO_FAULTS, Paying.WORKS_ON_IT, spends=False, led=AT_BANK)
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


def hear_while_unknown(machine: MoneyMachine) -> None:
    """A notice comes while the outcome of its order is unknown."""
    _sent(machine, AT_ALIPAY, Paying.WORKS_ON_IT)
    machine.hear(AT_ALIPAY, "final", None)


def refuse_goodwill(machine: MoneyMachine) -> None:
    """The gateway refuses a goodwill payment."""
    for _ in range(3):
        machine.give(Paying.REFUSES, Asked.ANSWERS, None)
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
    "believes notices": hear_while_unknown,
    "keeps refused goodwill": refuse_goodwill,
}
