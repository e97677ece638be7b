"""What is asked of every answer to a generated request."""

from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
TOO_MANY = 429
"""A request that is turned away for the many before it tries nothing."""
