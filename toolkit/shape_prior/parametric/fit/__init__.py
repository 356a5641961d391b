"""What the photograph says in the terms of the face model."""
