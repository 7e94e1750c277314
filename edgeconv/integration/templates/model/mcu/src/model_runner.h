/* The model in tflite-micro: one sample in, a prediction out.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_RUNNER_H
#define MODEL_RUNNER_H

#include "edgeconv_model.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

/* Call Init after AllocateTensors, and Predict only where that gave EDGECONV_OK. */
class ModelRunner {
 public:
  explicit ModelRunner(tflite::MicroInterpreter &interpreter) : interpreter_(interpreter) {}

  /* Whether the interpreter's tensors are those that this package was written for. */
  edgeconv_status Init() {
    for (int i = 0; i < EDGECONV_INPUTS; i++) {
      if (!Fits(interpreter_.input(i), edgeconv_input_tensors[i])) {
        return EDGECONV_WRONG_MODEL;
      }
      inputs_[i] = interpreter_.input(i)->data.data;
    }
    for (int i = 0; i < EDGECONV_OUTPUTS; i++) {
      if (!Fits(interpreter_.output(i), edgeconv_output_tensors[i])) {
        return EDGECONV_WRONG_MODEL;
      }
      outputs_[i] = interpreter_.output(i)->data.data;
    }
    return EDGECONV_OK;
  }

  edgeconv_status Predict(const edgeconv_inputs &inputs, edgeconv_prediction *prediction) {
    const edgeconv_status status = edgeconv_pack(&inputs, inputs_);
    if (status != EDGECONV_OK) {
      return status;
    }
    if (interpreter_.Invoke() != kTfLiteOk) {
      return EDGECONV_FAILED;
    }
    edgeconv_unpack(outputs_, prediction);
    return EDGECONV_OK;
  }

 private:
  static bool Fits(const TfLiteTensor *tensor, const edgeconv_tensor &expected) {
    return tensor != nullptr && tensor->bytes == expected.bytes &&
           tensor->type == (expected.is_int32 ? kTfLiteInt32 : kTfLiteInt8);
  }

  tflite::MicroInterpreter &interpreter_;
  void *inputs_[EDGECONV_INPUTS] = {};
  const void *outputs_[EDGECONV_OUTPUTS] = {};
};

#endif
