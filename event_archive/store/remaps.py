"""Remaps in the log: what they make of its counts and of the mapping that a landing's events come from.

Belongs here: what can be told of remaps from the log alone, and what does not hold of one. Not here: the
shape of an entry (`commit`), and making a remap (`remap`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from event_archive.store.commit import RECOVERY, REMAP, Commit, Counts, RemappedLanding, Segment


def named_segments(commits: Iterable[Commit]) -> list[Segment]:
    """The segments that these commits name, those that a remap has replaced among them, as they landed."""
    return [segment for commit in commits for segment in commit.segments]


def totals(commits: Iterable[Commit]) -> Counts:
    """Every record that was ever received, once, by what it is now: a recovered one is no longer rejected."""
    total = Counts()
    now: dict[int, RemappedLanding] = {}
    for commit in commits:
        counts = commit.counts
        if commit.kind == RECOVERY:
            passed = counts.accepted + counts.duplicate + counts.ignored
            events = _rows(
                commit.segments
            )  # one record may have given several, which are counted from then on
            more = events - counts.accepted
            counts = Counts(more, events, counts.duplicate, -passed, counts.ignored)
        elif commit.kind == REMAP:
            counts = sum((_change(now[each.sequence], each) for each in commit.remapped), Counts())
        now |= {each.sequence: each for each in commit.remapped}
        now.setdefault(commit.sequence, as_landed(commit))
        total += counts
    return total


def as_landed(commit: Commit) -> RemappedLanding:
    """What a landing or a recovery counted as when it was committed."""
    return RemappedLanding(commit.sequence, _rows(commit.segments), commit.counts.ignored)


def mappings_in_effect(commits: Iterable[Commit]) -> dict[int, str]:
    """The mapping or repair that the events of each landing or recovery come from: digest, by sequence."""
    digests: dict[int, str] = {}
    for commit in commits:
        if commit.mapping and commit.kind != REMAP:
            digests[commit.sequence] = commit.mapping
        digests |= {each.sequence: commit.mapping for each in commit.remapped if commit.mapping}
    return digests


def landing_of(commit: Commit, segment: Segment) -> int:
    """The sequence of the commit that had received the records of a segment's events."""
    return segment.made_from or commit.sequence


def faulty_remaps(commits: Sequence[Commit]) -> Iterator[tuple[Commit, str]]:
    """Find remaps whose entry does not agree with the log before it, and others that replace something."""
    standing: dict[str, tuple[int, Segment]] = {}
    replaced: set[str] = set()
    for commit in commits:
        if (commit.kind == REMAP) != bool(commit.remapped) or (commit.replaces and commit.kind != REMAP):
            yield commit, "replaces what only a remap may"
        remapped = {each.sequence for each in commit.remapped}
        for segment in commit.replaces:
            landing, named = standing.pop(segment.path, (0, segment))
            if landing not in remapped or named != segment:
                yield commit, f"replaces {segment.path}, which does not stand for a landing that it remaps"
            replaced.add(segment.path)
        for segment in commit.segments:
            standing[segment.path] = landing_of(commit, segment), segment
            if (segment.made_from in remapped) != (commit.kind == REMAP):
                yield commit, f"says wrongly whose records {segment.path} was made from"
            if segment.path in replaced:
                yield commit, f"names {segment.path} again, which was replaced"
        yield from ((commit, fault) for fault in _faulty_counts(commit, standing.values()))


def _faulty_counts(commit: Commit, standing: Collection[tuple[int, Segment]]) -> Iterator[str]:
    for each in commit.remapped:
        rows = _rows(segment for landing, segment in standing if landing == each.sequence)
        if not each.sequence < commit.sequence or rows != each.accepted:
            yield f"its counts of commit {each.sequence} are not those of the files that stand for it"
    counted = sum(each.accepted for each in commit.remapped), sum(commit.ignored.values())
    if commit.remapped and counted != (commit.counts.accepted, commit.counts.ignored):
        yield "its counts are not those of the landings that it remaps"


def _rows(segments: Iterable[Segment]) -> int:
    return sum(segment.rows for segment in segments)


def _change(before: RemappedLanding, after: RemappedLanding) -> Counts:
    accepted, ignored = after.accepted - before.accepted, after.ignored - before.ignored
    return Counts(received=accepted + ignored, accepted=accepted, ignored=ignored)
