"""The states of a stream's entities and what carries them on: whoever does keeps them at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sentinel.entities import EntityArrays
from sentinel.model.carrying import StateCarrier
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.waves import STEPS
from sentinel.records import BoolArray, Float32Array, TimeArray


class EncoderState(NamedTuple):
    """encoder  (E, ..., layers, 2, H): of each entity one state, or several."""

    encoder: Float32Array


class CarriedStates(EntityArrays[EncoderState]):
    """States of E entities, advanced by the CPU.

    start  (1, ..., layers, 2, H) what an entity begins with: zeros, by `zero_states`
    steps  how many readings a call may advance by
    """

    def __init__(
        self,
        parameters: Parameters,
        start: Float32Array,
        backend: Backend,
        steps: Sequence[int] = STEPS,
    ) -> None:
        super().__init__(EncoderState(start))
        self.carriers = {count: StateCarrier(parameters, count, backend) for count in steps}

    def advance(
        self,
        rows: Float32Array,
        starts: TimeArray,
        slots: TimeArray,
        begins: BoolArray,
        steps: int,
    ) -> Float32Array:
        """Advance some states, each by its next readings.

        slots   (B,) which of all states (E ..., layers, 2, H), each at most once
        begins  (B,) whether the state is zero before these readings
        Others as of `StateCarrier.advance`, which says what is returned.
        """
        encoder = self.state.encoder
        states = encoder.reshape(-1, *encoder.shape[-3:])
        states[slots[begins]] = 0
        return self.carriers[steps].advance(states, rows, starts, slots)
