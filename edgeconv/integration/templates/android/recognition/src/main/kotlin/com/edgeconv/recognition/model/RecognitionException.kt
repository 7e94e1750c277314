package com.edgeconv.recognition.model

/**
 * Why nothing can be recognized.
 *
 * @property kind for code; the message is for people
 */
open class RecognitionException(
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

        /** Nothing on this device computes what the model must give: [NoUnitPassed]. */
        NO_UNIT_PASSED,

        /** The device has no such sensor. */
        NO_SENSOR,

        /** The device has the sensor, and the system does not let the app read it. */
        SENSOR_REFUSED,
    }
}

/**
 * Nothing that the app allows computes on this device what the model must give: the app has no model.
 *
 * @property record what was computed instead, for `edgeconv golden check`
 */
class NoUnitPassed(
    val record: Record,
) : RecognitionException(
        Kind.NO_UNIT_PASSED,
        record.results.joinToString("; ", "no unit passed the self-test: ") {
            "${it.unit}: ${it.reason}"
        },
    )
