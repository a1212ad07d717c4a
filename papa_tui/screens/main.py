"""The main screen: what a key or a click does there."""

from __future__ import annotations

from collections.abc import Callable

from textual.binding import Binding

from papa_tui.actions import ACTIONS, BY_ID
from papa_tui.model.model import Model
from papa_tui.screens.acting import Acting
from papa_tui.screens.board import Owner
from papa_tui.settings import Settings
from papa_tui.widgets.table import Table


class MainScreen(Acting):
    """All that can be done, by the table of actions: ``do_ID`` does what the action of this id says."""

    def __init__(self, model: Model, settings: Settings, dashboard: Owner) -> None:
        super().__init__(model, settings, dashboard)
        bound = self._bindings.key_to_bindings  # a keymap of Textual takes a key away from the other panes, too
        for action in ACTIONS:
            keys = filter(str.strip, settings.keys.get(action.id, action.keys).split(','))
            made = [Binding(key, f'do("{action.id}")', action.text, show=False) for key in keys]
            for each in Binding.make_bindings(made):
                bound[each.key] = [*bound.get(each.key, []), each]

    def on_mount(self) -> None:
        """Perhaps a person has come for the output of some processes alone."""
        if self.settings.tour:
            self.tour.begin()
        if self.settings.watch:
            self.open_pane(self.settings.watch)

    def action_do(self, name: str) -> None:
        """A key was pressed."""
        self.do(name)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done in the pane that has the keys."""
        if action != 'do':
            return super().check_action(action, parameters)
        found = BY_ID[str(parameters[0])]
        if self.prompt.is_open:
            return found.id == 'back'
        return self.place in found.where

    def do(self, name: str) -> None:
        """Do what an action says."""
        self.keys.say('')
        if name == 'back' and not self.prompt.is_open and self.give_up():
            return
        if BY_ID[name].changes and self.settings.read_only:
            self.refuse()
            return
        doing: Callable[[], None] = getattr(self, f'do_{name}')
        doing()
        self.tour.did(name)

    def do_anywhere(self, name: str) -> None:
        """Do what an action says, in the nearest pane that has it."""
        wanted = BY_ID[name].where
        if self.place not in wanted:
            place = next((place for place in (self.table.kind, *self.places) if place in wanted), '')
            if not place:
                self.say('No output is open: o on a process opens it', 'warn')
                return
            self.focus_place(place)
        self.do(name)

    def on_table_sort_by(self, message: Table.SortBy) -> None:
        """The head of a column was clicked."""
        message.table.view.sort_by(message.key)
        self.rebuild(message.table)

    def on_table_chosen(self, _message: Table.Chosen) -> None:
        """A row was clicked twice."""
        self.do('details')

    def on_table_moved(self, _message: Table.Moved) -> None:
        """Other rows may be to be seen: sample those."""
        self.dashboard.sample()
