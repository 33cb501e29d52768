"""The live prediction process with room for the features of no picture at all."""

from __future__ import annotations

from core.live import live_worker, predictor
from core.live.picture_features import FeatureMemory

if __name__ == "__main__":
    predictor.FeatureMemory = lambda: FeatureMemory(1000)  # type: ignore[assignment, misc]
    live_worker.main()
