"""Cursor pagination for every list of the API: stable under writes, bounded, no COUNT."""

from rest_framework.pagination import CursorPagination


class CursorPages(CursorPagination):
    """50 a page, at most 200, newest first."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = "-id"
