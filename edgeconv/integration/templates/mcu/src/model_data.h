/* The model's file as constant data, aligned as TensorFlow Lite wants it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_DATA_H
#define MODEL_DATA_H

#ifdef __cplusplus
extern "C" {
#endif

extern const unsigned char *const model_data;
extern const unsigned int model_data_size;

#ifdef __cplusplus
}
#endif

#endif
