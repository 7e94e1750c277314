/* The whole way on a device: the golden vectors through tflite-micro, and the results file.
 *
 * An application of yours provides `show`; add test/golden_vectors.c to its sources.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cstdint>

#include "edgeconv_results.h"
#include "golden_vectors.h"
#include "model_data.h"
#include "model_ops.h"
#include "model_runner.h"
#include "tensorflow/lite/schema/schema_generated.h"

/* Writes text to a serial line. */
extern "C" void show(const char *text, void *context);

namespace {

alignas(16) uint8_t arena[kArenaSize];
edgeconv_prediction predictions[GOLDEN_VECTORS];

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
  for (int i = 0; i < GOLDEN_VECTORS; i++) {
    if (runner.Predict(golden_inputs[i], &predictions[i]) != EDGECONV_OK) {
      return 1;
    }
  }
  edgeconv_write_results(predictions, GOLDEN_VECTORS, golden_sha256, "my board", show, nullptr);
  return 0;
}
