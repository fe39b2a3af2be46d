import scipy.linalg  # noqa: F401  brings the pool of threads that is limited below
import torch
from hypothesis import settings
from threadpoolctl import threadpool_limits

# Two cores are shared by the workers of pytest-xdist; threads only make them wait for each other.
torch.set_num_threads(1)
threadpool_limits(1)

# The same examples in every run: a test that fails today failed yesterday. No deadline: the
# machine may be busy.
settings.register_profile("striate", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("striate")
