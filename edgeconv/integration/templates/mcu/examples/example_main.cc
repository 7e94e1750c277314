/* The whole way on a device: samples, windows, tflite-micro, decisions.
 *
 * An application of yours provides the two functions below; everything else is in this package and
 * in tflite-micro. SPDX-License-Identifier: Apache-2.0 */
#include <cstdint>
#include <cstring>

#include "edgeconv_decision.h"
#include "edgeconv_energy.h"
#include "edgeconv_self_test.h"
#include "edgeconv_stream.h"
#include "model_data.h"
#include "model_ops.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"

/* The next sample of a sensor, in its own unit and sign, with its own time stamp; false: none.
 * `sensor` is EDGECONV_ACCELEROMETER or another that the contract names. */
extern "C" bool next_sample(unsigned *sensor, int64_t *t_ns, float *x, float *y, float *z);
/* What to do with a decision; label is NULL while the model is unsure. */
extern "C" void show(const char *label, float probability);
/* What to do where something is wrong, with a sentence for the log. No decision comes after it from
 * the self-test; an inference that fails is told each time, and the next window is tried. */
extern "C" void report(const char *problem);

namespace {

alignas(16) uint8_t arena[kArenaSize];
edgeconv_stream stream;
edgeconv_decider decider;
edgeconv_energy energy;

/* One inference: what the self-test and every window go through. */
bool run(const int8_t *input, int8_t *output, void *context) {
  auto *interpreter = static_cast<tflite::MicroInterpreter *>(context);
  std::memcpy(interpreter->input(0)->data.int8, input, EDGECONV_INPUT_SIZE);
  if (interpreter->Invoke() != kTfLiteOk) {
    return false;
  }
  std::memcpy(output, interpreter->output(0)->data.int8, EDGECONV_CLASSES);
  return true;
}

void answer(const edgeconv_window *window, void *context) {
  if (!edgeconv_energy_runs(&energy, window->segment, window->values)) {
    return;  // nothing moves: the decision stays
  }
  int8_t input[EDGECONV_INPUT_SIZE], output[EDGECONV_CLASSES];
  edgeconv_quantize(window->values, input);
  if (!run(input, output, context)) {
    report("an inference failed");
    return;
  }
  float outputs[EDGECONV_CLASSES];
  edgeconv_dequantize(output, outputs);
  const int label = edgeconv_decider_update(&decider, window->segment, outputs);
  if (label == EDGECONV_UNSURE) {
    show(nullptr, decider.probabilities[decider.candidate]);
  } else if (label != EDGECONV_NO_DECISION) {
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
  static edgeconv_self_test_result result;
  if (edgeconv_self_test(&result, model_data, model_data_size, run, &interpreter) !=
      EDGECONV_SELF_TEST_PASSED) {
    report("the self-test failed: the model is wrong on this device");
    return 1;
  }
  edgeconv_energy_init(&energy);
  edgeconv_decider_init(&decider);
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
