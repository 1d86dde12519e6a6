"""The closure gate: evidence and a policy in, a judgement out.

A pure library on the Python standard library: no Django, no database, no clock, no network.
The web application, the API, the pipeline command and the auditor's offline verifier call the
same function, so that a verdict can be recomputed years later from its evidence.
"""

__version__ = "0.1.0"
