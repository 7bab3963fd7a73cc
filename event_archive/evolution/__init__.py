"""Evolution: how contracts come to be and change, and what a change would break.

Belongs here: rules of releases, trials, new contracts and majors, compatibility. Not here: what a contract
means (`registry`).
"""
