"""An upload endpoint that says whether an image is AI-generated, and answers 4xx or 5xx by whose fault an error is.

    pip install fastapi uvicorn python-multipart aigclens
    uvicorn fastapi_upload:app

One client serves all requests: it keeps its connections and its upload token.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, UploadFile
from fastapi.responses import JSONResponse

import aigclens

LARGEST = 20 * 1024 * 1024

# The first class that fits decides, so that the finer ones come first.
STATUS: list[tuple[type[aigclens.AigcError], int]] = [
    (aigclens.ImageTooLarge, 413),
    (aigclens.UnsupportedImageFormat, 415),
    (aigclens.InputError, 422),
    (aigclens.ConfigError, 500),
    (aigclens.CredentialsError, 500),
    (aigclens.PermissionDenied, 500),
    (aigclens.AuthenticationError, 500),
    (aigclens.ThrottledError, 503),
    (aigclens.DetectTimeout, 504),
    (aigclens.ConnectTimeout, 504),
    (aigclens.TransportError, 502),
    (aigclens.ServiceError, 502),
]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Opens the client with the application and closes it with it."""
    async with aigclens.AsyncClient(total_timeout=20) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


@app.exception_handler(aigclens.AigcError)
async def refuse(_: Request, error: Exception) -> JSONResponse:
    """An error as an answer. Users learn what was wrong with their image, and nothing about our account."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    detail = str(error) if status in (413, 415, 422) else "the image could not be checked; please try again later"
    headers = {"retry-after": "1"} if status == 503 else {}
    return JSONResponse({"error": type(error).__name__, "detail": detail}, status_code=status, headers=headers)


@app.post("/detect")
async def detect(request: Request, image: UploadFile) -> dict[str, Any]:
    """Checks one uploaded image."""
    client: aigclens.AsyncClient = request.app.state.client
    found = await client.detect(await image.read(LARGEST + 1))
    return {
        "is_aigc": found.is_aigc,
        "label": found.label,
        "confidence": found.confidence,
        "request_id": found.request_id,
    }
