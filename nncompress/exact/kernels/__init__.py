"""What a step of the integer network computes: a plain form in torch, and a fused one for the CPU that equals it."""
