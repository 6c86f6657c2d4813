"""What child events may call themselves, each with whether it is a comment, by construction."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

COMMENTS = st.sampled_from(["Comment", "VoiceComment", "VoiceApiComment", "TpeVoiceComment"]) | (
    st.text("AeZ", max_size=4).map(lambda word: f"{word}Comment")
)
"""Names of comments: those that were seen, and any that may come."""

OTHERS = st.sampled_from(
    ["Cc", "Error", "CommentRedactionEvent", "CommentPrivacyChange", "Comments", "comment", "", 7]
) | st.text("tnemoC", max_size=6)
"""Names of what is neither a comment nor a change; the letters are too few for `Comment`."""

CHANGES = st.sampled_from(["Create", "Change"])
ANY = COMMENTS | OTHERS | CHANGES


@st.composite
def kinds(draw: st.DrawFn) -> dict[str, Any]:
    """The keys that say what a child is, and under ``_comment`` what it is."""
    form = draw(st.integers(0, 6))
    present = {"comment_present": draw(st.booleans())}
    if form == 0:  # a change, whatever else it says
        other = draw(st.just({}) | st.fixed_dictionaries({}, optional={"type": ANY}))
        extra = draw(st.sampled_from([{}, present]))
        return {"event_type": draw(CHANGES), **other, **extra, "_comment": False}
    if form == 1:  # a change as the audits have it
        return {"type": draw(CHANGES), **draw(st.sampled_from([{}, present])), "_comment": False}
    if form == 2:
        return {"event_type": draw(COMMENTS), "type": draw(ANY), "_comment": True}
    if form == 3:
        return {"event_type": draw(OTHERS), "type": draw(COMMENTS), "_comment": True}
    if form == 4:
        return {"type": draw(COMMENTS), "_comment": True}
    if form == 5:
        return {"event_type": draw(OTHERS), "type": draw(OTHERS), **present, "_comment": True}
    return {"event_type": draw(OTHERS), "type": draw(OTHERS), "_comment": False}
