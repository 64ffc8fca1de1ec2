"""A https server of this machine that answers each request with given bytes, and the certificate that it shows."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass
class TlsServer:
    """port: where it listens; trusted: a client's context that trusts its certificate; requests: what came."""

    port: int
    trusted: ssl.SSLContext
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def tls_server(folder: Path, host: str, answer: bytes, pause_s: float = 0.0) -> AsyncIterator[TlsServer]:
    """Serve with a certificate for the host. pause_s: between the halves of the answer."""
    certificate = _certificate(folder, host)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    server = TlsServer(0, ssl.create_default_context(cafile=str(certificate)))

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.requests.append(await reader.readuntil(b"\r\n\r\n"))
        half = len(answer) // 2
        writer.write(answer[:half])
        await asyncio.sleep(pause_s)
        writer.write(answer[half:])
        writer.close()

    listening = await asyncio.start_server(answered, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


def _certificate(folder: Path, host: str) -> Path:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return path
