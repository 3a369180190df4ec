"""What may befall the machine during a run: a full disk, a clock set anew, a source that goes away."""
