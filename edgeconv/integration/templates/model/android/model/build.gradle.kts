// For Android's Gradle plugin 9, which compiles Kotlin itself: no Kotlin plugin is applied.
plugins {
    id("com.android.library")
}

android {
    namespace = "com.edgeconv.model"
    compileSdk = 36

    defaultConfig {
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
        testInstrumentationRunner = "androidx.test.runner.AndroidJUnitRunner"
    }

    // The model need not be unpacked when it is opened.
    androidResources { noCompress += "tflite" }

    // Kotlin follows these; whatever JDK runs Gradle will do, from 17 on.
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    // Local tests read the model's file.
    sourceSets.getByName("test").resources.directories += "src/main/assets"
    // The instrumented test runs the same golden vectors as the local ones.
    sourceSets.getByName("androidTest").resources.directories += "src/test/resources"
}

dependencies {
    api("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.10.2")
    implementation("com.google.ai.edge.litert:litert:2.3.0")

    testImplementation("junit:junit:4.13.2")
    testImplementation("org.json:json:20250517")

    androidTestImplementation("junit:junit:4.13.2")
    androidTestImplementation("androidx.test:runner:1.7.0")
    androidTestImplementation("androidx.test.ext:junit:1.3.0")
}
