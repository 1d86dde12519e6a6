"""By what fixes, and what people say of them, can be filtered and ordered. Serves the API and the pages."""

from django_filters import FilterSet

from core.filters import (
    StableOrdering,
    VisibleFilter,
    YesNoFilter,
    by_id,
    one_or_more,
    text_is,
)
from remediations.evidence import EvidenceQuerySet
from remediations.models import (
    Dispute,
    Proposal,
    Release,
    Remediation,
    StandingApproval,
    Waiver,
    WaiverQuerySet,
)
from remediations.statuses import (
    DisputeAbout,
    DisputeState,
    Origin,
    ProposalSource,
    ProposalState,
    RemediationState,
)
from scopes.models import Asset, Scope


class RemediationFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    asset = VisibleFilter(Asset.objects.visible_to)
    state = one_or_more(RemediationState)
    origin = one_or_more(Origin)
    finding = by_id("addressed__finding_id")
    head_commit = text_is()
    merge_commit = text_is()
    ordering = StableOrdering(fields=("pushed_at", "created_at", "id"))

    class Meta:
        model = Remediation
        fields = ()


class WaiverFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    remediation = by_id("remediation_id")
    finding = by_id("finding_id")
    check = text_is(field_name="check_id")
    revoked = YesNoFilter(field_name="revoked_at", method="that_is_revoked")
    ordering = StableOrdering(fields=("at", "until", "id"))

    class Meta:
        model = Waiver
        fields = ()

    def that_is_revoked(self, queryset: WaiverQuerySet, name: str, wanted: bool) -> WaiverQuerySet:
        return queryset.filter(revoked_at__isnull=not wanted)


class DisputeFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    remediation = by_id("remediation_id")
    finding = by_id("finding_id")
    about = one_or_more(DisputeAbout)
    state = one_or_more(DisputeState)
    ordering = StableOrdering(fields=("at", "id"))

    class Meta:
        model = Dispute
        fields = ()


class StandingApprovalFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    ended = YesNoFilter(field_name="ended_at", method="that_is_ended")
    ordering = StableOrdering(fields=("at", "until", "id"))

    class Meta:
        model = StandingApproval
        fields = ()

    def that_is_ended(
        self, queryset: EvidenceQuerySet, name: str, wanted: bool
    ) -> EvidenceQuerySet:
        return queryset.filter(ended_at__isnull=not wanted)


class ReleaseFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    package = text_is()
    version = text_is()
    ordering = StableOrdering(fields=("at", "id"))

    class Meta:
        model = Release
        fields = ()


class ProposalFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    asset = VisibleFilter(Asset.objects.visible_to)
    finding = by_id("named__finding_id")
    source = one_or_more(ProposalSource)
    state = one_or_more(ProposalState)
    origin = one_or_more(Origin)
    ordering = StableOrdering(fields=("created_at", "id"))

    class Meta:
        model = Proposal
        fields = ()
