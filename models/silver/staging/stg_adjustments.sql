{{ stage('adjustments') }}
