//! Looking at a journal without owning it: `journal verify` and `journal dump`.
