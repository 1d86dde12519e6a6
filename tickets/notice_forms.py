"""The shape of what a person is told of, as their profile sends it."""

from typing import Any

from django import forms

from tickets.services.notices import Way, Wishes
from tickets.services.webhook_told import MAX_URL
from tickets.statuses import Channel, NoticeKind, Pace

PACES = (("", "off"), (Pace.NOW.value, "at once"), (Pace.DIGEST.value, "in the daily digest"))
WORDS = {
    NoticeKind.ASSIGNED: "A finding was assigned to me",
    NoticeKind.VERIFICATION_FAILED: "The verification of a fix failed",
    NoticeKind.DUE: "A finding is due soon or late",
    NoticeKind.ACCEPTANCE_ENDS: "The acceptance of a risk ends soon",
    NoticeKind.MENTION: "A comment mentions me",
    NoticeKind.STOPPED: "A webhook or tracker that I made stopped",
}
CHATS = {Channel.MAIL: "Mail", Channel.SLACK: "Slack", Channel.TEAMS: "Teams"}
KEEP = "Shown to nobody. Empty: as it is."


class NoticesForm(forms.Form):
    """A choice for each kind and channel, the hour of digests, and addresses of chats."""

    time_zone = forms.CharField(max_length=64, help_text="Such as Europe/Berlin.")
    digest_hour = forms.IntegerField(
        label="Hour of the digest",
        min_value=0,
        max_value=23,
        help_text="0 to 23, of this time zone.",
    )
    slack_url = forms.CharField(
        label="Incoming webhook of Slack or its like",
        max_length=MAX_URL, required=False, help_text=KEEP,
    )  # fmt: skip
    forget_slack = forms.BooleanField(label="Forget the address of Slack", required=False)
    teams_url = forms.CharField(
        label="Incoming webhook of Teams", max_length=MAX_URL, required=False, help_text=KEEP
    )
    forget_teams = forms.BooleanField(label="Forget the address of Teams", required=False)

    def __init__(self, data: Any = None, *, wishes: Wishes) -> None:
        now = {"time_zone": wishes.time_zone, "digest_hour": wishes.digest_hour}
        super().__init__(data, initial=now)
        for kind, channel in wishes.paces:
            self.fields[_name(kind, channel)] = forms.ChoiceField(
                label=f"{WORDS[kind]}, by {CHATS[channel]}",
                choices=PACES, required=False, initial=wishes.paces[kind, channel] or "",
                disabled=not wishes.channels[channel] and channel == Channel.MAIL,
            )  # fmt: skip

    def rows(self) -> list[tuple[str, list[tuple[str, forms.BoundField]]]]:
        """The table: for each kind its words, and for each channel its name and a choice."""
        return [
            (WORDS[kind], [(CHATS[c], self[_name(kind, c)]) for c in Channel])
            for kind in NoticeKind
        ]

    def others(self) -> list[forms.BoundField]:
        """What stands below the table."""
        return [self[name] for name in self.base_fields]

    def paces(self) -> dict[Way, Pace | None]:
        """What was chosen, as the verb takes it."""
        told = self.cleaned_data
        words = {
            (kind, channel): told[_name(kind, channel)]
            for kind in NoticeKind
            for channel in Channel
        }
        return {way: Pace(word) if word else None for way, word in words.items()}

    def addresses(self) -> dict[Channel, str]:
        """Addresses that were told or are to be forgotten."""
        told, found = self.cleaned_data, dict[Channel, str]()
        for channel in (Channel.SLACK, Channel.TEAMS):
            if told[f"{channel}_url"] or told[f"forget_{channel}"]:
                found[channel] = "" if told[f"forget_{channel}"] else told[f"{channel}_url"]
        return found


def _name(kind: NoticeKind, channel: Channel) -> str:
    return f"{kind}-{channel}"
