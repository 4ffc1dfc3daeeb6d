//! What one process tells the others: through Redis, or within itself where there is none.
