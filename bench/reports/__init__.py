"""How long a monthly report takes, and in how much memory, beside the pages and the API that show the same."""
