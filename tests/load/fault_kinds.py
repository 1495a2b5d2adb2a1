"""Faults of every kind, for the long runs: what may go wrong between a client and the service, at every stage."""

from __future__ import annotations

from typing import Any

from aigclens.testing import FaultPlan

# Of the requests, this share meets a fault. A stall costs a time-out, so that it is rarer than what ends at once.
SHARE = 0.2
LEAST_KINDS = 25
RARE = 0.25
# A whole answer behind the answer.
FORGED = 'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"Code":200}'
KINDS: list[dict[str, Any]] = [
    {"stage": "accept", "action": "fin"},
    {"stage": "accept", "action": "rst"},
    {"stage": "accept", "action": "banner"},
    {"stage": "accept", "action": "stall"},
    {"stage": "mid_request", "action": "fin"},
    {"stage": "mid_request", "action": "rst"},
    {"stage": "mid_request", "action": "status", "status": 413, "operation": "PutObject"},
    {"stage": "mid_request", "action": "html"},
    {"stage": "before_billing", "action": "delay", "seconds": 0.2},
    {"stage": "before_billing", "action": "stall"},
    {"stage": "before_billing", "action": "fin"},
    {"stage": "before_billing", "action": "rst"},
    {"stage": "before_billing", "action": "html", "status": 502},
    {"stage": "before_billing", "action": "status", "status": 429, "retry_after": "1"},
    {"stage": "before_billing", "action": "redirect"},
    {"stage": "before_billing", "action": "throttle", "shape": "body"},
    {"stage": "before_billing", "action": "throttle", "shape": "gateway", "retry_after_ms": "50"},
    {"stage": "before_billing", "action": "truncate"},
    {"stage": "before_billing", "action": "expired_token", "operation": "PutObject"},
    {"stage": "before_billing", "action": "refuse", "code": "InternalError", "status": 500},
    {"stage": "before_billing", "action": "object_lost"},
    {"stage": "before_billing", "action": "nonce_used"},
    {"stage": "before_billing", "action": "clock", "offset": -7200},
    {"stage": "after_billing", "action": "delay", "seconds": 0.2},
    {"stage": "after_billing", "action": "delay", "seconds": 3},
    {"stage": "after_billing", "action": "stall"},
    {"stage": "after_billing", "action": "fin"},
    {"stage": "after_billing", "action": "rst"},
    {"stage": "after_billing", "action": "garbage"},
    {"stage": "after_billing", "action": "html"},
    {"stage": "after_billing", "action": "content_length", "by": 7},
    {"stage": "after_billing", "action": "content_length", "by": -7},
    {"stage": "after_billing", "action": "two_lengths"},
    {"stage": "after_billing", "action": "gzip", "bytes": 1_000_000},
    {"stage": "after_billing", "action": "endless"},
    {"stage": "after_billing", "action": "endless", "bytes": 1, "interval": 0.05},
    {"stage": "after_billing", "action": "trickle"},
    {"stage": "after_billing", "action": "truncate"},
    {"stage": "after_billing", "action": "headers", "count": 5_000},
    {"stage": "after_billing", "action": "duplicate_keys"},
    {"stage": "after_billing", "action": "deep_nesting", "count": 50_000},
    {"stage": "after_billing", "action": "invalid_utf8"},
    {"stage": "after_billing", "action": "informational", "count": 50},
    {"stage": "after_billing", "action": "no_content"},
    {"stage": "after_billing", "action": "http10"},
    {"stage": "after_billing", "action": "nonce_used"},
    {"stage": "after_billing", "action": "crc"},
    {"stage": "mid_headers", "action": "fin"},
    {"stage": "mid_headers", "action": "rst"},
    {"stage": "mid_headers", "action": "stall"},
    {"stage": "mid_body", "action": "fin"},
    {"stage": "mid_body", "action": "rst"},
    {"stage": "mid_body", "action": "stall"},
    {"stage": "mid_body", "action": "garbage"},
    {"stage": "after_body", "action": "fin"},
    {"stage": "after_body", "action": "rst"},
    {"stage": "after_body", "action": "garbage", "text": FORGED},
    {"stage": "after_body", "action": "stall"},
]


def plan(seed: int) -> FaultPlan:
    """A rule for every kind. The share of each is set so that about `SHARE` of all requests meet one."""
    slow = {"stall", "endless"}
    weights = [RARE if kind["action"] in slow or kind.get("seconds", 0) > 1 else 1.0 for kind in KINDS]
    # A wrong clock also misleads the calls that follow, until they have learned better.
    weights = [0.1 if kind["action"] == "clock" else weight for kind, weight in zip(KINDS, weights, strict=True)]
    # Some kinds are for one operation alone, and one that ends a request leaves nothing for those of later stages.
    each = 1.35 * SHARE / sum(weights)
    rules: Any = [{**kind, "rate": each * weight} for kind, weight in zip(KINDS, weights, strict=True)]
    return {"seed": seed, "rules": rules}
