from __future__ import annotations

import pandas as pd

from isthmus_transforms.dataflows.flight_delays import features


def test_a_flight_is_late_from_the_exact_minute_on() -> None:
    joined = pd.DataFrame({"arr_delay": [14.0, 15.0, -20.0]})
    assert list(features.is_late(joined, 15)) == [False, True, False]
