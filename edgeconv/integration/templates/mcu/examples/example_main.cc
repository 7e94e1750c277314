/* The whole way on a device: samples, windows, tflite-micro, decisions.
 *
 * An application of yours provides the two functions below; everything else is in this package and
 * in tflite-micro. SPDX-License-Identifier: Apache-2.0 */
#include <cstdint>

#include "edgeconv_decision.h"
#include "edgeconv_stream.h"
#include "model_data.h"
#include "model_ops.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"

/* The next sample of a sensor, in its own unit and sign, with its own time stamp; false: none.
 * `sensor` is EDGECONV_ACCELEROMETER or another that the contract names. */
extern "C" bool next_sample(unsigned *sensor, int64_t *t_ns, float *x, float *y, float *z);
/* What to do with a decision. */
extern "C" void show(const char *label, float probability);

namespace {

alignas(16) uint8_t arena[kArenaSize];
edgeconv_stream stream;
edgeconv_decider decider;

void answer(const edgeconv_window *window, void *context) {
  auto *interpreter = static_cast<tflite::MicroInterpreter *>(context);
  edgeconv_quantize(window->values, interpreter->input(0)->data.int8);
  if (interpreter->Invoke() != kTfLiteOk) {
    return;
  }
  float outputs[EDGECONV_CLASSES];
  edgeconv_dequantize(interpreter->output(0)->data.int8, outputs);
  const int label = edgeconv_decider_update(&decider, window->segment, outputs);
  if (label != EDGECONV_NO_DECISION) {
    show(edgeconv_labels[label], decider.probabilities[label]);
  }
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
  edgeconv_decider_init(&decider, EDGECONV_OUTPUTS_ARE_LOGITS, EDGECONV_ALPHA, EDGECONV_HYSTERESIS);
  if (!edgeconv_stream_init(&stream, &edgeconv_default_settings, answer, &interpreter)) {
    return 1;
  }
  for (;;) {
    unsigned sensor;
    int64_t t_ns;
    float x, y, z;
    if (next_sample(&sensor, &t_ns, &x, &y, &z)) {
      edgeconv_stream_push_from(&stream, sensor, t_ns, x, y, z);
    }
  }
}
