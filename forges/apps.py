from django.apps import AppConfig


class ForgesConfig(AppConfig):
    name = "forges"
