"""Shows set-up's steps as they are done: a line per step, and what the step is doing while it takes long."""

from rich.console import Console

from bootstrap.settings import Settings
from bootstrap.setup import plan
from bootstrap.setup.steps import Step, run
from bootstrap.words import say

_LINE_WIDTH_MAX = 90


def prepare(settings: Settings, *, for_tests: bool) -> None:
    """Do the steps that do not hold yet; raises bootstrap.words.Problem for the first that cannot be done."""
    console = Console(stderr=False, highlight=False)
    steps = plan.to_test(settings) if for_tests else plan.to_run(settings)
    announced: set[str] = set()
    with console.status("") as status:

        def progress(step: Step, line: str) -> None:
            status.update(f"{step.title} … [dim]{line[:_LINE_WIDTH_MAX]}[/dim]")
            if not console.is_terminal and step.name not in announced:
                announced.add(step.name)
                console.print(f"  {step.title} …")

        for done in run(steps, plan.stamps(settings), progress):
            if done.seconds:
                console.print(f"[green]✓[/green] {done.step.title} [dim]({done.seconds:.1f} s)[/dim]")
    console.print(f"[green]✓[/green] {say('环境已就绪', 'Set-up is complete')}")
