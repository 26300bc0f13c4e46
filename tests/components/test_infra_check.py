import json
import math
import runpy
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from exported_models import MODELS, export_model
from tensorflow.core.framework import graph_pb2
from tensorflow_serving.apis import prediction_log_pb2
from tfx.components.util import model_utils
from tfx.types import standard_artifacts

from ulmfit_tfx.components.infra_check import isolated_process, isolated_run
from ulmfit_tfx.components.infra_check.checking import check_model, read_served_graph
from ulmfit_tfx.components.infra_check.component import InfraCheck
from ulmfit_tfx.components.infra_check.executor import Executor
