from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays import route


def test_route_is_converted() -> None:
    joined = pd.DataFrame(
        {
            "distance": [1000.0, 1.0],
            "dest_alt": [100.0, np.nan],
            "dest_tz": [-10.0, np.nan],
            "origin_tz": [-5, -5],
        }
    )
    nan = np.nan
    assert list(route.distance(joined)) == pytest.approx([1609.344, 1.609344])
    assert list(route.destination_altitude(joined)) == pytest.approx([30.48, nan], nan_ok=True)
    assert list(route.time_zones_crossed(joined)) == pytest.approx([-5, nan], nan_ok=True)
