"""The benchmarks' input: NDJSON files of any number of valid, distinct events, written quickly.

Belongs here: making the files, the same bytes for the same arguments. Not here: measuring. The events are
those of the example company's busiest types, of 400 to 500 bytes, nearly in the order of time.
"""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

LANGUAGES = ("de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "sv")
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
BLOCK = 10_000


def write_requests(path: Path, events: int, *, first: int = 0, days: int = 90) -> Path:
    """Write `events` events of type translation.requested.v2, spread evenly over `days` days."""
    return _write(path, events, first, days, mixed=False)


def write_mixture(path: Path, events: int, *, first: int = 0, days: int = 90) -> Path:
    """Write `events` events of four types: requested, machine translated, delivered and rated."""
    return _write(path, events, first, days, mixed=True)


def _write(path: Path, events: int, first: int, days: int, *, mixed: bool) -> Path:
    """Write the file; one that is there with the same name and number of events is taken as it is."""
    if path.exists():
        return path
    temporary = path.with_suffix(".part")
    with temporary.open("w", encoding="ascii") as file:
        for start in range(first, first + events, BLOCK):
            numbers = range(start, min(start + BLOCK, first + events))
            file.writelines(_lines(numbers, first, events, days, mixed=mixed))
    temporary.rename(path)
    return path


def _lines(numbers: range, first: int, events: int, days: int, *, mixed: bool) -> Iterator[str]:
    random = Random(numbers.start)
    draw = random.random
    step = timedelta(days=days) / events
    kinds = (_requested, _machine_translated, _delivered, _rated) if mixed else (_requested,)
    for number in numbers:
        late = timedelta(hours=draw() * 3) if draw() < 0.02 else timedelta()
        moment = max(FIRST_DAY + (number - first) * step - late, FIRST_DAY)
        time = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
        identifier = uuid.UUID(bytes=hashlib.blake2b(str(number).encode(), digest_size=16).digest())
        yield kinds[number % len(kinds)](str(identifier), time, number, random)


def _envelope(identifier: str, time: str, verb: str, actor: str, number: int) -> str:
    major = 2 if verb == "requested" else 1
    return (
        f'{{"specversion":"1.0","id":"{identifier}","source":"/services/core",'
        f'"type":"translation.{verb}.v{major}","time":"{time}","actor":"{actor}",'
        f'"object":"translation/trn_{number:09d}","correlationid":"{identifier[::-1]}",'
        f'"objectversion":1,"data":'
    )


def _requested(identifier: str, time: str, number: int, random: Random) -> str:
    customer = f"cus_{random.randrange(5000):04d}"
    source, target = random.choice(LANGUAGES), random.choice(LANGUAGES)
    document = uuid.UUID(int=random.getrandbits(128), version=4)
    return (
        _envelope(identifier, time, "requested", f"customer/{customer}", number)
        + f'{{"customer_id":"{customer}","document_id":"{document}","source_language":"{source}",'
        f'"target_language":"{target}","word_count":{random.randrange(1, 5000)},"service_level":"machine",'
        f'"channel":"api","wanted_by":"{time}"}}}}\n'
    )


def _machine_translated(identifier: str, time: str, number: int, random: Random) -> str:
    engine = random.choice(("nova", "orbit", "pico"))
    return (
        _envelope(identifier, time, "machine_translated", f"engine/{engine}", number)
        + f'{{"engine_id":"{engine}","engine_version":"2.{random.randrange(9)}",'
        f'"word_count":{random.randrange(1, 5000)},"duration_ms":{random.randrange(200, 20000)},'
        f'"confidence":0.{random.randrange(100, 1000)}}}}}\n'.replace("0}}", "1}}")
    )


def _delivered(identifier: str, time: str, number: int, random: Random) -> str:
    words, price = random.randrange(1, 5000), random.randrange(1, 20)
    return (
        _envelope(identifier, time, "delivered", "system/delivery", number)
        + f'{{"customer_id":"cus_{random.randrange(5000):04d}","service_level":"machine","plan":"business",'
        f'"word_count":{words},"unit_price_minor":{price},"price_minor":{words * price},'
        f'"currency":"EUR"}}}}\n'
    )


def _rated(identifier: str, time: str, number: int, random: Random) -> str:
    customer = f"cus_{random.randrange(5000):04d}"
    return (
        _envelope(identifier, time, "rated", f"customer/{customer}", number)
        + f'{{"customer_id":"{customer}","score":{random.randrange(1, 6)},'
        f'"comment":"A comment of the usual length, number {number % 1000}."}}}}\n'
    )
