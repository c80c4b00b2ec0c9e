# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS errors in the query protocol of IAM and STS, that of EC2, and REST-JSON of EKS.

Needed by: every target.
"""

from __future__ import annotations

import json
import typing as t
import uuid
from xml.sax.saxutils import escape

from moto.core.exceptions import ServiceException
from werkzeug.wrappers import Response

_NAMESPACES = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}


class UnmodeledError(Exception):
    """An AWS error that the service models lack, such as AccessDenied.

    :param status: the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.retry_after: int | None = None  # seconds, the Retry-After header


class ModeledError(ServiceException):
    """An AWS error that the service's model defines, with its HTTP status.

    moto chooses the model by the module of the exception's class, so moto's own class cannot be used.
    """


def render_error(service: str, error: UnmodeledError) -> Response:
    """Render an error in the service's protocol."""
    request_id = str(uuid.uuid4())
    if service == "ec2":
        response = Response(
            f"<Response><Errors><Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
            f"</Error></Errors><RequestID>{request_id}</RequestID></Response>",
            error.status,
            mimetype="text/xml",
        )
    elif service not in _NAMESPACES:
        response = Response(json.dumps({"message": error.message}), error.status, mimetype="application/json")
        response.headers["x-amzn-ErrorType"] = error.code
    else:
        fault = "Sender" if error.status < 500 else "Receiver"
        response = Response(
            f'<ErrorResponse xmlns="{_NAMESPACES[service]}"><Error><Type>{fault}</Type>'
            f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>",
            error.status,
            mimetype="text/xml",
        )
    response.headers["x-amzn-RequestId"] = request_id
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def validation_error(value: t.Any, field: str, constraint: str) -> ModeledError:
    """The error of a parameter that violates a constraint, such as "have length less than or equal to 64"."""
    return ModeledError(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: "
        f"Member must {constraint}",
    )
