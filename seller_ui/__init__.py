"""The pages of a seller, made for a phone: one question at a time, camera first, every form works without scripts."""
