# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How AWS words a refusal on the wire: the query protocol of IAM and STS, that of EC2, and the REST-JSON of EKS.

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


class Refusal(Exception):
    """An error answer with its own HTTP status, for what the service models leave out, such as AccessDenied."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class ApiError(ServiceException):
    """An error of the service's own model, which gives it its HTTP status.

    A class of ours, because moto takes the model from the module that an exception's class is defined in.
    """


def error_response(service: str, refusal: Refusal) -> Response:
    """Render a refusal in the service's protocol."""
    request_id = str(uuid.uuid4())
    if service == "ec2":
        response = Response(
            f"<Response><Errors><Error><Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
            f"</Error></Errors><RequestID>{request_id}</RequestID></Response>",
            refusal.status,
            mimetype="text/xml",
        )
    elif service not in _NAMESPACES:
        response = Response(json.dumps({"message": refusal.message}), refusal.status, mimetype="application/json")
        response.headers["x-amzn-ErrorType"] = refusal.code
    else:
        fault = "Sender" if refusal.status < 500 else "Receiver"
        response = Response(
            f'<ErrorResponse xmlns="{_NAMESPACES[service]}"><Error><Type>{fault}</Type>'
            f"<Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>",
            refusal.status,
            mimetype="text/xml",
        )
    response.headers["x-amzn-RequestId"] = request_id
    return response


def validation_error(value: t.Any, field: str, constraint: str) -> ApiError:
    """The error of a parameter outside its documented constraint, e.g. "have length less than or equal to 64"."""
    return ApiError(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: "
        f"Member must {constraint}",
    )
