/* The whole way on a device: the self-test, then samples through tflite-micro.
 *
 * An application of yours provides the functions below. SPDX-License-Identifier: Apache-2.0 */
#include <cstdint>

#include "edgeconv_self_test.h"
#include "model_data.h"
#include "model_ops.h"
#include "model_runner.h"
#include "tensorflow/lite/schema/schema_generated.h"

/* The next sample; false: there is none. */
extern "C" bool next_inputs(edgeconv_inputs *inputs);
/* What to do with a prediction. */
extern "C" void use(const edgeconv_prediction *prediction);
/* What to do where something is wrong, with a sentence for the log. */
extern "C" void report(const char *problem);
/* Writes text to a serial line. */
extern "C" void show(const char *text, void *context);

namespace {

alignas(16) uint8_t arena[kArenaSize];
edgeconv_self_test_result result;
edgeconv_inputs inputs;
edgeconv_prediction prediction;

/* One inference: what the self-test and every sample go through. */
edgeconv_status run(const edgeconv_inputs *from, edgeconv_prediction *to, void *context) {
  return static_cast<ModelRunner *>(context)->Predict(*from, to);
}

}  // namespace

int main() {
  static ModelOps operations;
  if (AddModelOps(operations) != kTfLiteOk) {
    return 1;
  }
  static tflite::MicroInterpreter interpreter(tflite::GetModel(model_data), operations, arena,
                                              kArenaSize);
  if (interpreter.AllocateTensors() != kTfLiteOk) {
    return 1;  // the arena is too small: see model_ops.h
  }
  static ModelRunner runner(interpreter);
  if (runner.Init() != EDGECONV_OK) {
    return 1;
  }
  edgeconv_self_test(&result, model_data, model_data_size, run, &runner);
  edgeconv_self_test_write(&result, "my board", "1.0", show, nullptr);
  if (result.status != EDGECONV_SELF_TEST_PASSED) {
    report("the self-test failed: the model is wrong on this device");
    return 1;
  }
  while (next_inputs(&inputs)) {
    if (run(&inputs, &prediction, &runner) == EDGECONV_OK) {
      use(&prediction);
    } else {
      report("an inference failed, or its inputs are none that the model takes");
    }
  }
  return 0;
}
