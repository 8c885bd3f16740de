"""What every test runs under: no network, no telemetry, one thread per process."""

import os

os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    GRADIO_ANALYTICS_ENABLED="False",
    OMP_NUM_THREADS="1",
    OMP_WAIT_POLICY="PASSIVE",
)
