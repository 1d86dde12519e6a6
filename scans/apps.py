from django.apps import AppConfig
from django.core.checks import Tags, register

from scans.checks import scanners_are_isolated


class ScansConfig(AppConfig):
    name = "scans"

    def ready(self) -> None:
        register(scanners_are_isolated, Tags.security, deploy=True)
