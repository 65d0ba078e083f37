//! What views see of a run: plain rows folded from a state and its vitals, for text, JSON and the dashboard.
