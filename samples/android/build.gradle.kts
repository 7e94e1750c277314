// Android's Gradle plugin 9 compiles Kotlin itself: org.jetbrains.kotlin.android must not be applied.
plugins {
    id("com.android.application") version "9.3.1" apply false
    id("com.android.library") version "9.3.1" apply false
}
