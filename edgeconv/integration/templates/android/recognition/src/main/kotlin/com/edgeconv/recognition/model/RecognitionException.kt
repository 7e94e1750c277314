package com.edgeconv.recognition.model

/**
 * Why nothing can be recognized.
 *
 * @property kind for code; the message is for people
 */
class RecognitionException(
    val kind: Kind,
    message: String,
    cause: Throwable? = null,
) : Exception(message, cause) {
    /** What went wrong. */
    enum class Kind {
        /** The file is not the model that this library was made and tested for. */
        WRONG_MODEL,

        /** LiteRT could not open or run the model. */
        MODEL_FAILED,

        /** The device has no such sensor. */
        NO_SENSOR,

        /** The device has the sensor, and the system does not let the app read it. */
        SENSOR_REFUSED,
    }
}
